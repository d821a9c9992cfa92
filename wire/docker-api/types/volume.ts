export interface VolumeView {
  CreatedAt?: string;
  Driver: string;
  Labels: Record<string, string> | null;
  Mountpoint: string;
  Name: string;
  Options: Record<string, string> | null;
  Scope: string;
  UsageData?: { Size: number; RefCount: number };
}

/** Body of POST /volumes/create. */
export interface VolumeCreateBody {
  Name?: string | null;
  Driver?: string | null;
  DriverOpts?: Record<string, string> | null;
  Labels?: Record<string, string> | null;
  ClusterVolumeSpec?: object | null;
}

export interface VolumeListView {
  Volumes: VolumeView[];
  Warnings: string[] | null;
}

export interface VolumesPruned {
  VolumesDeleted: string[] | null;
  SpaceReclaimed: number;
}
