# Runs one throw-away PostgreSQL cluster for as long as its owner keeps our standard input open.
# The kernel closes that pipe however the owner ends (return, panic, kill -9), so nothing is left behind.
#
# $1: the cluster's directory; $2: the directory of the server programs; the rest: options of postgres.
# Each line read is a command; each answer is one line.
cluster=$1
bin=$2
shift 2
server=

# SIGQUIT is PostgreSQL's immediate shutdown: no checkpoint, clients are cut off, shared memory is released. A server
# that has just been started still ignores it, as every background job of a shell does; SIGTERM ends that one.
stop() {
    [ -n "$server" ] || return 0
    kill -s TERM "$server" 2>/dev/null
    kill -s QUIT "$server" 2>/dev/null
    wait "$server"
    server=
}

while read -r command; do
    case $command in
        start)
            stop
            "$bin/postgres" -D "$cluster/data" "$@" </dev/null >>"$cluster/log" 2>&1 &
            server=$!
            echo started
            ;;
        stop)
            stop
            echo stopped
            ;;
    esac
done

stop
rm -rf "$cluster"
