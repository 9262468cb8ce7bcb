# Redis. ACL SAVE without a sync: https://github.com/redis/redis/pull/10924 (merged for 7.2), and LazyFS (VLDB 2024).
needs='redis-server redis-cli'
rows='appendfsync-always appendfsync-no acl-save'
expects() { case $1 in appendfsync-always) echo good good ;; *) echo bad bad ;; esac; }
options() { echo --marker acks --allow special; }
serve() {
    case $1 in
    acl-save) redis-server --port 0 --unixsocket "$PWD/socket" --dir data --save '' --aclfile users.acl ;;
    appendfsync-*) redis-server --port 0 --unixsocket "$PWD/socket" --dir data --save '' --appendonly yes --appendfsync "${1#appendfsync-}" ;;
    esac >server.out 2>&1 &
    until redis-cli -s "$PWD/socket" ping >/dev/null 2>&1; do sleep 0.05; done
}
stop() { redis-cli -s "$PWD/socket" shutdown nosave >/dev/null 2>&1; wait; }
prepare() {
    case $1 in acl-save) echo 'user default on nopass ~* &* +@all' >data/users.acl ;; *) serve "$1"; stop ;; esac
    case $1 in
    acl-save) cat >check.sh <<'CHECK'
if grep -q k1 "$2"; then grep -q 'user bob' "$1/users.acl" || { echo 'the user is lost'; exit 1; }; fi
grep -q 'user default' "$1/users.acl" || { echo 'no users are left'; exit 2; }
CHECK
    ;;
    *) cat >check.sh <<'CHECK'
cd "$1" || exit 3
for part in appendonlydir/*.incr.aof; do
    redis-check-aof --truncate-to-timestamp 9999999999 "$part" >/dev/null 2>&1
done
redis-check-aof appendonlydir/*.manifest >said 2>&1 || yes | redis-check-aof --fix appendonlydir/*.manifest >said 2>&1 || { tail -n 1 said; exit 2; }
for key in $(cat "$2"); do
    grep -q "^$key" appendonlydir/*.incr.aof || { echo "an acknowledged key is lost"; exit 1; }
done
CHECK
    ;;
    esac
}
program() {
    serve "$1"
    case $1 in
    acl-save) redis-cli -s "$PWD/socket" acl setuser bob on nopass '~*' +@all && redis-cli -s "$PWD/socket" acl save && echo k1 >>acks ;;
    *) for key in k1 k2 k3 k4 k5; do redis-cli -s "$PWD/socket" set $key v && echo $key >>acks; done ;;
    esac >/dev/null
    stop
}
