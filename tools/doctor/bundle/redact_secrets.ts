const MASK = "[removed]";

/** Words whose values must not leave the host. */
const SECRET_WORDS = "password|passwd|secret|token|credential|api[_-]?key|private[_-]?key|auth";
const SECRET_NAME = new RegExp(
  String.raw`(["']?[\w.-]*(?:${SECRET_WORDS})[\w.-]*["']?\s*[=:]\s*)` +
    String.raw`("[^"]*"|'[^']*'|\S+)`,
  "gi",
);
const BEARER = /\b((?:Bearer|Basic)\s+)[A-Za-z0-9+/=._-]{8,}/g;
const URL_PASSWORD = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]+:)[^\s@/]+(?=@)/gi;
const KEY_BLOCK = /-----BEGIN [^-]*PRIVATE KEY-----[\s\S]*?-----END [^-]*PRIVATE KEY-----/g;

/** Takes values of secrets out of a text: by name, by form, and passwords in addresses. */
export function redactSecrets(text: string): string {
  return text
    .replace(KEY_BLOCK, MASK)
    .replace(BEARER, `$1${MASK}`)
    .replace(URL_PASSWORD, `$1${MASK}`)
    .replace(SECRET_NAME, `$1${MASK}`);
}
