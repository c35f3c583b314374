// Swagger UI with the server's own description of the API.
SwaggerUIBundle({
  url: "openapi.json", dom_id: "#docs", deepLinking: true, tryItOutEnabled: true,
  validatorUrl: null, defaultModelsExpandDepth: 0,
});
