/** Credentials as clients send them: in X-Registry-Auth, X-Registry-Config and POST /auth. */
export interface RegistryAuth {
  username?: string;
  password?: string;
  /** base64 of `username:password`, as docker's config file has it. */
  auth?: string;
  email?: string;
  serveraddress?: string;
  identitytoken?: string;
  registrytoken?: string;
}

export interface AuthReply {
  Status: string;
  IdentityToken: string;
}

export interface SearchResult {
  name: string;
  description: string;
  star_count: number;
  is_official: boolean;
  is_automated: boolean;
}

export interface DistributionInspect {
  Descriptor: { mediaType: string; digest: string; size: number };
  Platforms: { architecture: string; os: string; variant?: string }[];
}
