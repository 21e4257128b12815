// Uploads with progress, which fetch() cannot report: XMLHttpRequest can.
import { base, current_csrf_token, error_from, api_error, report_signed_out } from "./client";
import type { image } from "./types";

export function upload_image(
  file: File,
  on_progress: (fraction: number) => void,
): { done: Promise<image>; abort: () => void } {
  const xhr = new XMLHttpRequest();
  const done = new Promise<image>((resolve, reject) => {
    xhr.open("POST", `${base}/images`);
    xhr.setRequestHeader("Accept", "application/json");
    const token = current_csrf_token();
    if (token !== "") xhr.setRequestHeader("X-CSRF-Token", token);
    xhr.upload.onprogress = (e) => {
      if (e.lengthComputable && e.total > 0) on_progress(e.loaded / e.total);
    };
    xhr.onload = () => {
      if (xhr.status >= 200 && xhr.status < 300) {
        try {
          resolve(JSON.parse(xhr.responseText) as image);
        } catch {
          reject(new api_error(xhr.status, "The server's answer was not understood", "bad_answer"));
        }
        return;
      }
      if (xhr.status === 401) report_signed_out();
      reject(error_from(xhr.status, xhr.responseText, xhr.getResponseHeader("Retry-After")));
    };
    xhr.onerror = () =>
      reject(new api_error(0, "The connection broke during the upload", "unreachable"));
    xhr.onabort = () => reject(new api_error(0, "Upload cancelled", "aborted"));
    const form = new FormData();
    form.append("file", file, file.name);
    xhr.send(form);
  });
  return { done, abort: () => xhr.abort() };
}
