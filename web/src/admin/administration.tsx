// The administrator's pages in one piece, fetched when the first of them is opened.
import { Audit } from "./audit";
import { Devices } from "./devices";
import { Queue } from "./queue";
import { Users } from "./users";

export default function Administration({ path }: { path: string }) {
  if (path === "/queue") return <Queue />;
  if (path === "/devices") return <Devices />;
  if (path === "/audit") return <Audit />;
  return <Users />;
}
