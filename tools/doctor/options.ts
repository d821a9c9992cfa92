/** What the operator told the doctor; everything else it finds by itself. */
export interface DoctorOptions {
  container?: string;
  /** The program of `doctor CONTAINER -- PROGRAM ARG…`. */
  program: string[];
  user?: string;
  workdir?: string;
  dockerSocket?: string;
  containerdSocket?: string;
  criSocket?: string;
  runtimeRoot?: string;
  /** Our own state folder. */
  stateDir: string;
  namespace?: string;
  /** Probe even a container that has almost no pids or memory left. */
  probe: boolean;
  /** For how long growth towards limits is watched, in milliseconds. */
  forecastMs?: number;
  /** Probe nothing. */
  readOnly: boolean;
}
