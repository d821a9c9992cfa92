/**
 * What makes mistakes of what follows: a container `up` that runs, `off` that does not, `ice` that
 * is paused, a network `net1`, a volume `vol1`.
 */
export const SCENE = `
    POST /containers/create?name=up {"Image":"IMAGE","Cmd":["sleep","1000"],PARENT}
    POST /containers/up/start
    POST /containers/create?name=off {"Image":"IMAGE","Cmd":["true"],PARENT}
    POST /containers/create?name=ice {"Image":"IMAGE","Cmd":["sleep","1000"],PARENT}
    POST /containers/ice/start
    POST /containers/ice/pause
    POST /networks/create {"Name":"net1"}
    POST /volumes/create {"Name":"vol1"}`;

/**
 * The mistakes that clients make, one request a line. HOST stands for the creation of a container
 * with the HostConfig that follows. After `~STATUS` are those that dockerd 28, whose behaviour ours
 * has, answers otherwise than 20.10, or that ours refuses early where 20.10 takes anything; STATUS
 * is ours then, and the words are not compared.
 */
export const MISTAKES = `
    GET /containers/none/json
    GET /containers/none/logs?stdout=1
    GET /containers/none/top
    GET /containers/none/stats?stream=0
    GET /containers/none/changes
    GET /containers/none/export
    GET /containers/none/archive?path=/
    HEAD /containers/none/archive?path=/
    PUT /containers/none/archive?path=/
    POST /containers/none/start
    POST /containers/none/stop
    POST /containers/none/restart
    POST /containers/none/kill
    POST /containers/none/pause
    POST /containers/none/unpause
    POST /containers/none/wait
    POST /containers/none/rename?name=x1
    POST /containers/none/update {}
    POST /containers/none/resize?h=1&w=1
    POST /containers/none/attach?stream=1&stdout=1
    POST /containers/none/exec {"Cmd":["true"]}
    DELETE /containers/none
    GET /exec/none/json
    POST /exec/none/start {}
    POST /exec/none/resize?h=1&w=1
    ~404 GET /images/none/json
    GET /images/none/history
    ~404 GET /images/none/get
    POST /images/none/tag?repo=x
    DELETE /images/none
    GET /networks/none1
    DELETE /networks/none1
    POST /networks/none1/connect {"Container":"up"}
    POST /networks/none1/disconnect {"Container":"up"}
    GET /volumes/none
    DELETE /volumes/none
    DELETE /volumes/none?force=1
    GET /nosuch
    GET /containers
    PUT /containers/json
    ~400 POST /containers/create
    ~400 POST /containers/create {}
    ~400 POST /containers/create {"Image":""}
    POST /containers/create {"Image":"nosuch"}
    ~400 POST /containers/create {"Image":"NoSuch:x:y"}
    ~400 POST /containers/create nonsense
    POST /containers/create {"Image":"IMAGE"}
    ~400 POST /containers/create []
    ~400 POST /containers/create {"Image":1}
    POST /containers/create?name=up {"Image":"IMAGE","Cmd":["true"]}
    POST /containers/create?name=a/b {"Image":"IMAGE","Cmd":["true"]}
    POST /containers/create?name=x {"Image":"IMAGE","Cmd":["true"]}
    HOST {"NetworkMode":"nonet"}
    HOST {"NetworkMode":"container:none"}
    HOST {"NetworkMode":"host","Links":["up:x"]}
    ~400 HOST {"IpcMode":"nonsense"}
    HOST {"PidMode":"container:none"}
    HOST {"Memory":1}
    HOST {"Memory":9000000,"MemorySwap":8000000}
    HOST {"MemorySwap":9000000}
    HOST {"Memory":9000000,"MemoryReservation":10000000}
    HOST {"MemorySwappiness":101}
    HOST {"OomScoreAdj":1001}
    HOST {"NanoCpus":-1}
    HOST {"NanoCpus":100000000000}
    HOST {"NanoCpus":1000000000,"CpuPeriod":1000}
    HOST {"NanoCpus":1000000000,"CpuQuota":1000}
    HOST {"CpuPeriod":10}
    HOST {"CpuQuota":10}
    ~400 HOST {"CpusetCpus":"nonsense"}
    HOST {"CpusetCpus":"99"}
    ~400 HOST {"BlkioWeight":1}
    HOST {"ShmSize":-1}
    HOST {"AutoRemove":true,"RestartPolicy":{"Name":"always"}}
    ~400 HOST {"RestartPolicy":{"Name":"on-failure","MaximumRetryCount":-1}}
    ~400 HOST {"Binds":["/a:/b:/c:/d"]}
    ~400 HOST {"Binds":["/a:b"]}
    ~400 HOST {"Binds":["/a:/"]}
    ~400 HOST {"Binds":["/a:/b:nonsense"]}
    HOST {"Binds":["/a:/b","/c:/b"]}
    HOST {"Mounts":[{"Type":"nonsense","Target":"/x"}]}
    HOST {"Mounts":[{"Type":"bind","Source":"/no/such","Target":"/x"}]}
    HOST {"Mounts":[{"Type":"bind","Target":"/x"}]}
    HOST {"Mounts":[{"Type":"volume","Source":"v"}]}
    HOST {"Mounts":[{"Type":"tmpfs","Source":"/x","Target":"/y"}]}
    HOST {"Tmpfs":{"x":""}}
    HOST {"VolumesFrom":["none"]}
    ~400 HOST {"CapAdd":["NOSUCH"]}
    ~400 HOST {"SecurityOpt":["nonsense"]}
    ~400 HOST {"SecurityOpt":["seccomp=nonsense"]}
    ~400 HOST {"Runtime":"nosuch"}
    ~400 HOST {"Isolation":"hyperv"}
    ~400 HOST {"UsernsMode":"nonsense"}
    HOST {"ExtraHosts":["nonsense"]}
    HOST {"ExtraHosts":["a:nonsense"]}
    ~400 HOST {"Ulimits":[{"Name":"nosuch","Soft":1,"Hard":1}]}
    ~400 HOST {"PortBindings":{"80/nonsense":[{}]}}
    HOST {"PortBindings":{"80/tcp":[{"HostPort":"99999"}]}}
    HOST {"LogConfig":{"Type":"json-file","Config":{"nosuch":"x"}}}
    ~400 HOST {"StorageOpt":{"nosuch":"1"}}
    POST /containers/create {"Image":"IMAGE","Cmd":["true"],"WorkingDir":"relative"}
    POST /containers/create {"Image":"IMAGE","Cmd":["true"],"Env":["=x"]}
    POST /containers/create {"Image":"IMAGE","Cmd":["true"],"StopSignal":"NOSUCH"}
    POST /containers/create {"Image":"IMAGE","Cmd":["true"],"Healthcheck":{"Interval":-1}}
    POST /containers/create {"Image":"IMAGE","Cmd":["true"],"Healthcheck":{"Interval":1}}
    POST /containers/create {"Image":"IMAGE","Cmd":["true"],"Healthcheck":{"Retries":-1}}
    POST /containers/create {"Image":"IMAGE","Cmd":["true"],\
"NetworkingConfig":{"EndpointsConfig":{"net1":{"IPAMConfig":{"IPv4Address":"nonsense"}}}}}
    POST /containers/up/start
    POST /containers/ice/start
    POST /containers/off/stop
    POST /containers/off/kill
    POST /containers/off/pause
    POST /containers/off/unpause
    POST /containers/up/unpause
    POST /containers/ice/pause
    POST /containers/off/exec {"Cmd":["true"]}
    POST /containers/ice/exec {"Cmd":["true"]}
    POST /containers/up/exec {}
    POST /containers/up/exec {"Cmd":[]}
    POST /containers/off/resize?h=1&w=1
    ~400 POST /containers/up/resize?h=x&w=1
    POST /containers/up/kill?signal=NOSUCH
    ~400 POST /containers/up/kill?signal=99
    POST /containers/up/rename
    POST /containers/up/rename?name=up
    POST /containers/up/rename?name=off
    POST /containers/up/rename?name=a/b
    POST /containers/up/update {"Memory":1}
    ~400 POST /containers/up/update {"RestartPolicy":{"Name":"nonsense"}}
    DELETE /containers/up
    DELETE /containers/ice
    ~400 DELETE /containers/up?link=1
    GET /containers/off/top
    ~400 GET /containers/up/top?ps_args=nonsense
    GET /containers/up/logs
    ~400 GET /containers/up/logs?stdout=1&since=nonsense
    ~400 GET /containers/up/archive
    GET /containers/up/archive?path=/no/such
    PUT /containers/up/archive?path=/no/such
    ~400 PUT /containers/up/archive?path=/etc/passwd
    POST /containers/up/attach?detachKeys=nonsense&stream=1
    ~400 GET /containers/json?filters=nonsense
    GET /containers/json?filters={"nosuch":["x"]}
    GET /containers/json?filters={"status":["nonsense"]}
    ~400 GET /containers/json?filters={"exited":["nonsense"]}
    GET /containers/json?filters={"health":["nonsense"]}
    ~404 GET /containers/json?filters={"before":["none"]}
    ~400 GET /containers/json?limit=nonsense
    GET /images/json?filters={"nosuch":["x"]}
    GET /images/json?filters={"dangling":["nonsense"]}
    GET /images/json?filters={"before":["none"]}
    GET /networks?filters={"nosuch":["x"]}
    GET /volumes?filters={"nosuch":["x"]}
    ~400 GET /events?since=nonsense
    GET /events?since=5&until=1
    POST /containers/prune?filters={"nosuch":["x"]}
    POST /images/prune?filters={"nosuch":["x"]}
    POST /volumes/prune?filters={"nosuch":["x"]}
    POST /networks/prune?filters={"nosuch":["x"]}
    DELETE /images/IMAGE
    ~400 POST /images/IMAGE/tag?repo=UPPER
    ~400 POST /images/IMAGE/tag?repo=x&tag=a/b
    ~400 POST /images/create
    ~400 POST /images/create?fromSrc=-&repo=UPPER
    ~400 POST /images/load
    POST /commit?container=none
    ~400 POST /commit
    ~400 POST /commit?container=off&repo=UPPER
    ~400 POST /commit?container=off&changes=NONSENSE
    ~400 POST /networks/create {}
    ~409 POST /networks/create {"Name":"net1"}
    POST /networks/create {"Name":"bridge"}
    POST /networks/create {"Name":"a/b"}
    POST /networks/create {"Name":"x","Driver":"nosuch"}
    POST /networks/create {"Name":"x","Driver":"host"}
    ~400 POST /networks/create {"Name":"x","IPAM":{"Driver":"nosuch"}}
    ~400 POST /networks/create {"Name":"x","IPAM":{"Config":[{"Subnet":"nonsense"}]}}
    ~400 POST /networks/create {"Name":"x","IPAM":{"Config":[{"Gateway":"10.0.0.1"}]}}
    ~400 POST /networks/net1/connect {}
    POST /networks/net1/connect {"Container":"none"}
    POST /networks/host/connect {"Container":"up"}
    POST /networks/net1/disconnect {"Container":"none"}
    ~403 POST /networks/net1/disconnect {"Container":"up"}
    DELETE /networks/bridge
    POST /volumes/create {"Name":"a/b"}
    POST /volumes/create {"Name":"x"}
    POST /volumes/create {"Name":"xx","DriverOpts":{"nosuch":"x"}}
    POST /volumes/create {"Name":"xx","DriverOpts":{"type":"tmpfs"}}
    GET /swarm
    POST /swarm/leave
    ~503 POST /swarm/join {}
    GET /services
    GET /nodes
    GET /tasks
    GET /secrets
    GET /configs
    GET /plugins/none/json
    ~404 POST /plugins/none/enable
    DELETE /plugins/none
    ~200 GET /v1.99/info
    ~200 GET /v1.2/info
    GET /v1.x/info`;
