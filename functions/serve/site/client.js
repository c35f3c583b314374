// Calls the API. Errors are returned as values, so that the page shows its own messages.

const JSON_TYPE = {"Content-Type": "application/json"};

async function call(path, options) {
  try {
    const response = await fetch(path, options);
    const content = await response.json();
    return response.ok ? {answer: content} : {problem: content};
  } catch (error) {
    if (error.name === "AbortError") return {aborted: true};
    return {unreachable: true};
  }
}

export function modelInfo() {
  return call("model/info");
}

export function predict(customer, signal) {
  return call("predict?reasons=all", {method: "POST", headers: JSON_TYPE, body: JSON.stringify(customer), signal});
}
