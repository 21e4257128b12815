import { createRoot } from "react-dom/client";
import { App } from "./App";
import "./styles/base.css";
import "./styles/pages.css";
import "./styles/lists.css";
import "./styles/annotate.css";
import "./styles/preview.css";
import "./styles/crosshair.css";
import "./styles/admin.css";

createRoot(document.getElementById("root")!).render(<App />);
