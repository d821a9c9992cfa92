import type { EndpointSettings } from "./container_config.ts";

export interface NetworkContainer {
  Name: string;
  EndpointID: string;
  MacAddress: string;
  IPv4Address: string;
  IPv6Address: string;
}

export interface NetworkView {
  Name: string;
  Id: string;
  Created: string;
  Scope: string;
  Driver: string;
  EnableIPv4: boolean;
  EnableIPv6: boolean;
  IPAM: {
    Driver: string;
    Options: Record<string, string> | null;
    Config:
      | {
          Subnet?: string;
          Gateway?: string;
          IPRange?: string;
          AuxiliaryAddresses?: Record<string, string>;
        }[]
      | null;
  };
  Internal: boolean;
  Attachable: boolean;
  Ingress: boolean;
  ConfigFrom: { Network: string };
  ConfigOnly: boolean;
  Containers: Record<string, NetworkContainer>;
  Options: Record<string, string>;
  Labels: Record<string, string>;
}

/** How a new network's addresses are chosen. */
export interface NetworkIpamBody {
  Driver?: string | null;
  Options?: Record<string, string> | null;
  Config?:
    | ({
        Subnet?: string | null;
        IPRange?: string | null;
        Gateway?: string | null;
        AuxiliaryAddresses?: Record<string, string> | null;
      } | null)[]
    | null;
}

/** Body of POST /networks/ID/connect. */
export interface NetworkConnectBody {
  Container?: string | null;
  EndpointConfig?: EndpointSettings | null;
}

/** Body of POST /networks/ID/disconnect. */
export interface NetworkDisconnectBody {
  Container?: string | null;
  Force?: boolean | null;
}

/** Body of POST /networks/create. */
export interface NetworkCreateBody {
  Name?: string | null;
  CheckDuplicate?: boolean | null;
  Driver?: string | null;
  Scope?: string | null;
  Internal?: boolean | null;
  Attachable?: boolean | null;
  Ingress?: boolean | null;
  ConfigOnly?: boolean | null;
  ConfigFrom?: { Network?: string | null } | null;
  IPAM?: NetworkIpamBody | null;
  EnableIPv4?: boolean | null;
  EnableIPv6?: boolean | null;
  Options?: Record<string, string> | null;
  Labels?: Record<string, string> | null;
}
