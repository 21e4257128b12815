"use strict";
// Draws /api/v1/openapi.json. Texts go in through textContent only.
(() => {
  const make = (tag, text, className) => {
    const node = document.createElement(tag);
    if (text !== undefined) node.textContent = text;
    if (className) node.className = className;
    return node;
  };
  const resolve = (doc, node) => {
    if (!node || !node.$ref) return node;
    return node.$ref.slice(2).split("/").reduce((at, part) => at && at[part], doc);
  };
  const typeName = (doc, schema) => {
    if (!schema) return "";
    if (schema.$ref) return schema.$ref.split("/").pop();
    const options = schema.oneOf || schema.anyOf;
    if (options) return options.map((s) => typeName(doc, s)).join(" | ");
    if (schema.enum) return schema.enum.map((v) => JSON.stringify(v)).join(" | ");
    if (schema.type === "array") return typeName(doc, schema.items) + "[]";
    const type = Array.isArray(schema.type) ? schema.type.join(" | ") : schema.type || "any";
    return schema.format ? `${type} (${schema.format})` : type;
  };
  const table = (heads, rows) => {
    const t = make("table");
    const head = make("tr");
    heads.forEach((h) => head.append(make("th", h)));
    t.append(head);
    rows.forEach((cells) => {
      const row = make("tr");
      cells.forEach((c) => row.append(make("td", c)));
      t.append(row);
    });
    return t;
  };
  const fields = (doc, schema) => {
    const real = resolve(doc, schema) || {};
    if (!real.properties) return make("p", typeName(doc, schema));
    const required = new Set(real.required || []);
    return table(["field", "type", ""], Object.entries(real.properties).map(([name, s]) => [
      name + (required.has(name) ? " *" : ""), typeName(doc, s),
      (s.description || "") + (s.default !== undefined ? ` Default ${JSON.stringify(s.default)}.` : "")]));
  };
  const operation = (doc, path, method, op, shared) => {
    const box = make("details");
    const head = make("summary");
    head.append(make("span", method.toUpperCase(), "method " + method), make("code", path),
      make("span", op.summary || "", "note"));
    box.append(head);
    if (op.description) box.append(make("p", op.description));
    const parameters = [...(shared || []), ...(op.parameters || [])].map((p) => resolve(doc, p));
    if (parameters.length)
      box.append(make("h4", "Parameters"), table(["name", "in", "type", ""], parameters.map((p) =>
        [p.name + (p.required ? " *" : ""), p.in, typeName(doc, p.schema), p.description || ""])));
    const body = resolve(doc, op.requestBody);
    if (body) Object.entries(body.content).forEach(([type, media]) =>
      box.append(make("h4", `Body: ${type}`), fields(doc, media.schema)));
    box.append(make("h4", "Answers"));
    Object.entries(op.responses).forEach(([status, response]) => {
      const real = resolve(doc, response);
      box.append(make("p", `${status}: ${real.description}`));
      Object.entries(real.content || {}).forEach(([type, media]) => {
        if (status < "300" && type === "application/json") box.append(fields(doc, media.schema));
      });
    });
    return box;
  };
  const draw = (doc) => {
    document.getElementById("summary").textContent = doc.info.description;
    const main = document.getElementById("routes");
    main.textContent = "";
    const sections = new Map();
    Object.entries(doc.paths).forEach(([path, item]) =>
      ["get", "post", "patch", "delete"].filter((m) => item[m]).forEach((method) => {
        const tag = (item[method].tags || ["other"])[0];
        if (!sections.has(tag)) {
          const section = make("section");
          section.append(make("h2", tag));
          sections.set(tag, section);
          main.append(section);
        }
        sections.get(tag).append(operation(doc, path, method, item[method], item.parameters));
      }));
    const schemas = make("section");
    schemas.append(make("h2", "Schemas"));
    Object.entries(doc.components.schemas).forEach(([name, schema]) => {
      const box = make("details");
      box.append(make("summary", name), fields(doc, schema));
      schemas.append(box);
    });
    main.append(schemas);
    document.getElementById("filter").addEventListener("input", (event) => {
      const wanted = event.target.value.toLowerCase();
      main.querySelectorAll("details").forEach((d) => {
        d.hidden = !d.textContent.toLowerCase().includes(wanted);
      });
    });
  };
  fetch("/api/v1/openapi.json").then((r) => r.json()).then(draw).catch(() => {
    document.getElementById("routes").textContent = "The document could not be read.";
  });
})();
