/** What proves to a registry who asks. Any of the three ways may be left out. */
export interface Credentials {
  username?: string;
  password?: string;
  /** Exchanged for tokens at the registry's token server, in place of a password. */
  identityToken?: string;
  /** Sent as it is. */
  registryToken?: string;
}

export const hasCredentials = ({ username, identityToken, registryToken }: Credentials) =>
  Boolean(username || identityToken || registryToken);

export const basicAuth = ({ username = "", password = "" }: Credentials) =>
  `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
