# SQLite. https://www.sqlite.org/pragma.html#pragma_synchronous says what each setting keeps.
needs='sqlite3 stdbuf'
rows='extra full off wal-full wal-normal'
expects() { case $1 in extra | wal-full) echo good good ;; *) echo bad bad ;; esac; }
# The index of the write-ahead log is a shared mapping; recovery makes it new.
options() { case $1 in wal-*) echo --allow mmap ;; esac; }
prepare() {
    case $1 in wal-*) mode=wal ;; *) mode=delete ;; esac
    sqlite3 data/t "pragma journal_mode=$mode; create table t(x)"
    cat >check.sh <<'CHECK'
cd "$1" || exit 3
seen=$(grep -c ok "$2")
said=$(sqlite3 t 'pragma integrity_check; select count(*) from t' 2>&1) || { echo "$said"; exit 2; }
set -- $said
[ "$1" = ok ] || { echo "$said"; exit 2; }
[ "$2" -ge "$seen" ] || { echo "$2 rows of $seen acknowledged"; exit 1; }
CHECK
}
program() {
    # The shell of SQLite holds its output back when it is no terminal.
    stdbuf -oL sqlite3 data/t "pragma synchronous=${1#wal-}" 'insert into t values(1)' "select 'ok'" \
        'insert into t values(2)' "select 'ok'" 'insert into t values(3)' "select 'ok'"
}
