/** A container of the day: in a cgroup of the test's own. */
const RUN = "run --cgroup-parent /TAG";

/** Does what is typed, and no more: no prompt, no line editing that asks the terminal things. */
const TYPED = "sh -c 'echo ready; while read -r line; do eval \"$line\"; done'";
/** The terminal's size, once the client has told it. */
const SIZE = 'until stty size | grep "24 80"; do sleep 0.1; done';

/** All that happened, up to this second. */
const EVENTS = "events --since 1h --until $(($(date +%s) + 1))";

/**
 * The day: chapters of steps, one a line (`parseStep` says how they are written). IMAGE is the
 * busybox image, TAG the test's own name. Each daemon has a network and a folder of its own, so
 * that names, ports and files are the same on both.
 */
export const DAY: Record<string, string> = {
  "the daemon tells of itself": `
    json: version --format json
    json: info --format json
    $ docker info | grep -cE 'Server Version|Storage Driver|Cgroup Driver|Default Runtime'
    json: system df --format json
    context create day --docker host=$DOCKER_HOST
    $ docker context use day; env -u DOCKER_HOST docker ps
    login -u me -p secret 127.0.0.1:1
    logout 127.0.0.1:1`,
  "images without a registry": `
    json: images --format json
    json: image inspect IMAGE
    $ docker history --no-trunc --format '{{.Size}} {{.Comment}}' IMAGE
    tag IMAGE other/name:1
    tag nosuch other
    $ docker images --format '{{.Repository}}:{{.Tag}}' | sort
    images -q nosuch
    $ docker save -o saved.tar IMAGE other/name:1
    rmi other/name:1
    $ docker load -i saved.tar | sort
    load -q -i saved.tar
    $ printf x > broken.tar; docker load -i broken.tar
    rmi other/name:1
    rmi nosuch
    $ mkdir -p fs && echo hi > fs/file && tar -C fs -c . | docker import -c 'CMD ["sh"]' -c \
      'ENV A=b' -m words - made:1
    $ docker image inspect -f '{{json .Config.Cmd}} {{json .Config.Env}} {{.Comment}} {{.Os}}' \
      made:1
    image ls --filter reference=made --format '{{.Repository}} {{.Tag}}'
    image rm made:1
    image prune -f`,
  "one container from its creation to its end": `
    ${RUN} -d --name web -p 8080:80 -e A=1 -v /data -v kept:/kept --tmpfs /t --label a=b \
      --restart on-failure:3 --memory 50m --ulimit nofile=100:200 --health-cmd true \
      --health-interval 1h --hostname box IMAGE sleep 1000
    json: inspect web
    json: inspect -s web
    json: ps --format json
    json: ps -a --no-trunc --size --format json
    table: ps
    port web
    port web 80/tcp
    $ docker top web | awk '{print $1, $8, $9}'
    $ docker top web -o pid,comm | awk '{print NF, $2}'
    json: stats --no-stream --format json web
    table: stats --no-stream --format '{{.Name}} {{.MemUsage}} {{.PIDs}}' web
    exec -e B=2 -w /tmp -u 1:1 web sh -c 'echo $A $B; pwd; id -u'
    exec -d web sh -c 'echo later > /later'
    until /later/: exec web cat /later
    $ echo typed | docker exec -i web cat
    exec web sh -c 'exit 9'
    exec web nosuch
    rename web site
    rename site site
    rename site 'b ad'
    update --memory 60m --memory-swap 60m --pids-limit 70 --cpus 0.5 --restart always site
    $ docker inspect -f '{{json .HostConfig}}' site | tr , '\\n' | grep -E \
      'Memory"|Swap"|Pids|NanoCpus|Restart|Maximum'
    update --memory 1k site
    pause site
    json: inspect -f '{{json .State}}' site
    table: ps --format '{{.Names}} {{.Status}}'
    exec site true
    unpause site
    $ echo one > one; docker cp one site:/one; docker exec site cat /one
    cp site:/etc/hostname got
    $ cat got
    $ docker cp site:/etc/hostname - | tar -t
    $ mkdir -p tree/sub; echo x > tree/sub/x; docker cp tree site:/; docker exec site find /tree
    $ docker cp tree/. site:/made-of-nothing/; echo $?
    $ tar -c tree | docker cp - site:/tmp; docker exec site ls /tmp/tree/sub
    $ docker cp site:/tree back; find back | sort
    sorted: diff site
    $ docker export site | tar -t | grep -E '^(one|tree/)' | sort
    $ docker commit -m 'a message' -a author -c 'CMD ["echo","committed"]' site taken:1
    json: image inspect -f '{{json .Config}}' taken:1
    ${RUN} --rm taken:1
    rmi taken:1
    kill -s HUP site
    kill -s NOSUCH site
    stop -t 1 site
    stop site
    json: inspect -f '{{json .State}}' site
    table: ps -a
    start site
    restart -t 0 site
    $ docker inspect -f '{{.RestartCount}} {{.State.Running}}' site
    rm site
    $ docker kill site; docker wait site
    rm -v site
    rm site
    json: volume inspect kept
    volume rm kept`,
  "what containers say": `
    ${RUN} --name talk IMAGE sh -c \
      'for i in 1 2 3; do echo out $i; done; sleep 0.2; echo err >&2; exit 3'
    logs talk
    logs --tail 2 talk
    logs -n 0 talk
    $ docker logs -t talk 2>&1 | cut -d' ' -f2-
    $ docker logs -t talk 2>&1 | cut -d' ' -f1 | grep -cE '^[0-9-]+T[0-9:]+\\.[0-9]{9}Z$'
    logs --since 1h talk
    logs --until 1h talk
    logs --since nonsense talk
    logs --tail nonsense talk
    logs --details talk
    start -a talk
    logs talk
    logs -f talk
    ${RUN} -d --name slow --log-opt max-size=1k --log-opt max-file=2 IMAGE sh -c \
      'sleep 1; for i in $(seq 100); do echo line $i; done; sleep 0.5; echo end'
    wait slow
    $ docker logs slow | tail -1; docker logs slow | wc -l | awk '{print $1 < 60}'
    ${RUN} --name quiet --log-driver none IMAGE echo unheard
    logs quiet
    ${RUN} --name near --log-driver local IMAGE echo heard
    logs near
    create --name t IMAGE true
    create --name bad --log-opt nosuch=x IMAGE true
    ${RUN} -d --name tick --label x=y IMAGE sh -c 'while :; do echo tick; sleep 0.1; done'
    $ docker logs -f tick | head -2
    $ timeout 60 docker attach --no-stdin --sig-proxy=false tick | head -1
    $ docker kill tick > /dev/null; docker wait tick
    attach tick
    rm talk slow quiet near tick`,
  "on a terminal": `
    tty: ${RUN} --rm -it --name shell IMAGE ${TYPED} >>  => ready >> echo $((40+2))\\n => 42 \
      >> ${SIZE}\\n => 24 80 >> exit 7\\n => exit
    ${RUN} -d -it --name term IMAGE ${TYPED}
    $ docker inspect -f '{{.Config.Tty}} {{.Config.OpenStdin}} {{.HostConfig.ConsoleSize}}' term
    tty: exec -it term ${TYPED} >>  => ready >> tty\\n => pts >> echo $TERM\\n => xterm \
      >> exit 3\\n => exit
    tty: exec -it term nosuch
    tty: attach term >> echo at$((1+1))ached\\n => at2ached >> \\x10\\x11 => read escape
    $ docker inspect -f '{{.State.Running}}' term
    tty: attach --detach-keys ctrl-a,b term >> echo $((5+5))\\n => 10 >> \\x01b => read escape
    $ docker kill term; docker wait term; docker logs term | grep -c at2ached
    tty: start -ai term >>  => ready >> exit 5\\n => exit
    $ docker wait term
    tty: start -ai term >>  => ready >> exit 6\\n => exit
    rm term`,
  "restarts and waits": `
    ${RUN} -d --name again --restart on-failure:2 IMAGE sh -c 'sleep 0.1; exit 4'
    until /^2 exited 4/: inspect -f '{{.RestartCount}} {{.State.Status}} {{.State.ExitCode}}' again
    ${RUN} -d --name ever --restart always IMAGE sh -c 'sleep 0.3'
    until /^[1-9]/: inspect -f '{{.RestartCount}}' ever
    stop -t 0 ever
    $ sleep 0.5; docker inspect -f '{{.State.Status}}' ever
    ${RUN} --restart on-failure:2 --rm IMAGE true
    ${RUN} --restart sometimes IMAGE true
    ${RUN} --restart always:3 IMAGE true
    ${RUN} -d --name soon IMAGE sh -c 'sleep 0.3; exit 8'
    wait soon again
    wait nosuch
    ${RUN} -d --name gone --rm IMAGE sleep 0.3
    until /^$/: ps -aq --filter name=gone
    ${RUN} -d --init --name reaped --stop-signal USR1 --stop-timeout 1 IMAGE sleep 1000
    exec reaped sh -c 'cat /proc/1/comm'
    $ docker stop reaped; docker inspect -f \
      '{{.State.ExitCode}} {{.Config.StopSignal}} {{.Config.StopTimeout}}' reaped
    rm again ever soon reaped`,
  "a container's health": `
    ${RUN} -d --name sick --health-cmd 'test -e /ok' --health-interval 1s --health-retries 2 \
      IMAGE sleep 1000
    until /unhealthy/: inspect -f '{{.State.Health.Status}}' sick
    exec sick touch /ok
    until /^healthy/: inspect -f '{{.State.Health.Status}}' sick
    $ docker inspect -f \
      '{{with index .State.Health.Log 0}}{{.ExitCode}} {{json .Output}}{{end}}' sick
    inspect -f '{{.State.Health.FailingStreak}}' sick
    table: ps --filter health=healthy
    ps -q --filter health=unhealthy
    exec sick rm /ok
    until /unhealthy/: inspect -f '{{.State.Health.Status}}' sick
    $ docker ${EVENTS} --filter container=sick --filter event=health_status --format '{{.Action}}'
    rm -f sick
    ${RUN} -d --name hung --health-cmd 'sleep 100' --health-interval 1s --health-timeout 1s \
      --health-retries 1 IMAGE sleep 1000
    until /unhealthy/: inspect -f '{{.State.Health.Status}}' hung
    $ docker inspect -f \
      '{{with index .State.Health.Log 0}}{{.ExitCode}} {{json .Output}}{{end}}' hung
    ${RUN} -d --name fit --no-healthcheck IMAGE sleep 1000
    inspect -f '{{json .State.Health}} {{json .Config.Healthcheck}}' fit
    ${RUN} --health-interval 1ns IMAGE true
    rm -f hung fit`,
  "networks and volumes": `
    network create --label n=1 day
    json: network inspect bridge
    json: network ls --format json
    ${RUN} -d --name left --network day --network-alias l IMAGE sleep 1000
    json: network inspect day
    ${RUN} -d --name right --network day IMAGE sleep 1000
    $ docker exec left ping -c 1 -W 5 -q right | grep received
    json: inspect left
    network connect --alias r2 bridge right
    network disconnect day right
    network rm day
    volume create --label v=1 day
    json: volume inspect day
    json: volume ls --format json
    volume create day
    ${RUN} --rm -v day:/d IMAGE sh -c 'echo x > /d/x'
    ${RUN} --rm --volumes-from left -v day:/d:ro IMAGE cat /d/x
    json: system df -v --format json
    $ docker system df --format '{{.Type}} {{.TotalCount}} {{.Active}}'
    volume rm day
    rm -f left right
    network rm day
    volume prune -f`,
  "what happened, and the end of the day": `
    ${RUN} --name told IMAGE sh -c 'exit 2'
    $ docker exec told true; docker start told; docker wait told; docker rename told heard; \
      docker rm heard
    json: ${EVENTS} --filter container=heard --format '{{json .}}'
    $ docker ${EVENTS} --filter container=told --format '{{.Action}} {{json .Actor.Attributes}}'
    $ docker ${EVENTS} --filter type=network --filter event=destroy --format \
      '{{.Action}} {{.Actor.Attributes.name}}'
    $ docker volume create seen; docker volume rm seen; docker network create seen; docker \
      network rm seen
    $ docker ${EVENTS} --filter volume=seen --format \
      '{{.Type}} {{.Action}} {{json .Actor.Attributes}}'
    $ docker ${EVENTS} --filter network=seen --format \
      '{{.Type}} {{.Action}} {{json .Actor.Attributes}}'
    events --since 5m --until 10m
    create --name left1 IMAGE true
    ${RUN} --name left2 --label keep=1 IMAGE true
    $ docker container prune -f --filter label!=keep
    ps -a --format '{{.Names}} {{.Status}}' --filter name=left1
    $ docker system prune -f | grep -vE '^[0-9a-f]{64}$'
    ps -aq
    $ docker ps -a --filter nosuch=1
    $ docker volume ls -q | wc -l
    $ docker ${EVENTS} --filter event=prune --format '{{json .}}' | tail -6 > pruned
    json: $ sort pruned`,
};
