# Keeps one server: its parent, and the one who cleans up. Orders come on standard input; when that closes, because the owner
# is done or because it died in whatever way, the server is stopped and the folder removed.
# Arguments: the folder, then the server's command line.
trap '' HUP INT TERM
folder=$1
shift
pid=

stop() {
    if [ -n "$pid" ]; then
        kill -"$1" "$pid"
        kill -CONT "$pid" # in case a test has frozen it
        wait "$pid"
        pid=
    fi
}

while read -r order value; do
    case $order in
    start)
        "$@" -p "$value" </dev/null >>"$folder/log" 2>&1 &
        pid=$!
        echo "$pid"
        ;;
    stop)
        stop "$value"
        echo stopped
        ;;
    esac
done
stop QUIT
rm -rf "$folder"
