// A link just issued: shown once, to be handed over by whatever way one trusts.
import type { issued_link } from "../api/types";
import { CopyOnce } from "../components/copy_once";
import { Moment } from "../components/time";
import { ids } from "../testids";

export function Issued({
  link,
  email,
  on_close,
}: {
  link: issued_link;
  email: string;
  on_close: () => void;
}) {
  return (
    <CopyOnce value={link.url} label="The link" testid={ids.link_url} on_close={on_close}>
      <p>
        {link.kind === "invite" ? "Invite" : "Password-reset link"} for <b>{email}</b>. Hand it over
        now: it is not shown again, works once, and ends <Moment at={link.expires_at} />.
      </p>
    </CopyOnce>
  );
}
