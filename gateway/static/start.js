"use strict";

// The validator badge would send the document elsewhere; this page loads nothing from outside.
window.SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#ui",
  deepLinking: true,
  docExpansion: "none",
  displayRequestDuration: true,
  filter: true,
  operationsSorter: "alpha",
  persistAuthorization: false,
  syntaxHighlight: { activated: true },
  tagsSorter: "alpha",
  validatorUrl: null,
  onComplete: showMissing,
});

async function showMissing() {
  const answer = await fetch("/openapi.json");
  const missing = (await answer.json())["x-missing-services"] ?? [];
  if (missing.length === 0) return;
  const note = document.getElementById("missing");
  note.textContent = `Not shown, since they do not answer now: ${missing.map((service) => service.name).join(", ")}.`;
  note.hidden = false;
}
