// Shapes of routes that the OpenAPI document does not describe yet, written by hand after the
// contract. Once the document has them, `types.ts` takes its place and this file goes.
export interface providers {
  password: boolean;
  registration: boolean;
  oidc: { name: string; login_url: string } | null;
}
export interface identity {
  id: string;
  issuer: string;
  email: string | null;
  created_at: string;
}
export interface identity_list {
  identities: identity[];
  total: number;
}
