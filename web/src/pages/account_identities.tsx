// Other ways to sign in to the same account: identities at an OpenID Connect provider.
import { useState } from "react";
import * as api from "../api/account_routes";
import type { identity, identity_list } from "../api/types";
import { Confirm } from "../components/dialog";
import { Moment } from "../components/time";
import { useToasts } from "../components/toasts";
import { useSession } from "../state/session";
import type { loaded } from "../state/use_loaded";
import { ids } from "../testids";

/** "login.example.org" of an issuer's address; the whole text when it is none. */
export function issuer_words(issuer: string): string {
  try {
    return new URL(issuer).host || issuer;
  } catch {
    return issuer;
  }
}

export function Identities({ identities }: { identities: loaded<identity_list> }) {
  const { providers } = useSession();
  const [asking, set_asking] = useState<identity | null>(null);
  const [leaving, set_leaving] = useState(false);
  const toasts = useToasts();
  const oidc = providers?.oidc ?? null;
  const list = identities.value?.identities ?? [];
  if (identities.absent || identities.value === null) return null;
  if (oidc === null && list.length === 0) return null;

  const link = async () => {
    set_leaving(true);
    try {
      const { location } = await api.link_identity();
      window.location.assign(location);
    } catch (e) {
      toasts.error(e);
      set_leaving(false);
    }
  };

  const unlink = async (which: identity) => {
    try {
      await api.unlink_identity(which.id);
      toasts.info("Unlinked");
      identities.change((all) => ({
        ...all,
        identities: all.identities.filter((i) => i.id !== which.id),
        total: all.total - 1,
      }));
    } catch (e) {
      toasts.error(e);
    }
  };

  return (
    <section className="card stack" data-testid={ids.identities}>
      <header className="line wrap spread">
        <h2>Other ways to sign in</h2>
        {oidc !== null && (
          <button
            type="button"
            disabled={leaving}
            data-testid={ids.identity_link}
            onClick={() => void link()}
          >
            {leaving ? `Going to ${oidc.name}…` : `Link ${oidc.name}`}
          </button>
        )}
      </header>
      {list.length === 0 && (
        <p className="muted small">
          None linked yet. Once linked, you can sign in with {oidc?.name} instead of your password.
        </p>
      )}
      <ul className="entries">
        {list.map((i) => (
          <li key={i.id} className="entry" data-testid={ids.identity_row}>
            <div className="entry-words">
              <b>{issuer_words(i.issuer)}</b>
              <span className="muted small" title={i.issuer}>
                {i.email !== null && `${i.email} · `}linked <Moment at={i.created_at} />
              </span>
            </div>
            <button
              type="button"
              className="quiet"
              data-testid={ids.identity_unlink}
              aria-label={`Unlink ${issuer_words(i.issuer)}`}
              onClick={() => set_asking(i)}
            >
              Unlink
            </button>
          </li>
        ))}
      </ul>
      {asking !== null && (
        <Confirm
          title={`Unlink ${issuer_words(asking.issuer)}?`}
          text={`You can then no longer sign in with ${asking.email ?? "this identity"} there.`}
          confirm="Unlink"
          on_close={() => set_asking(null)}
          on_confirm={() => void unlink(asking)}
        />
      )}
    </section>
  );
}
