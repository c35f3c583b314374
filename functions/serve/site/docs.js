// Swagger UI over the description that the server itself gives.
SwaggerUIBundle({
  url: "openapi.json", dom_id: "#docs", deepLinking: true, tryItOutEnabled: true,
  validatorUrl: null, defaultModelsExpandDepth: 0,
});
