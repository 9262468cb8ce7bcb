#!/bin/sh
# The five rows of SQLite in design/programs.md.
# usage: sqlite.sh LITHIFY DIRECTORY    (the directory is made, and keeps the recordings)
set -eu
lithify=$1 place=$2
mkdir -p "$place"
cd "$place"
cat >check.sh <<'CHECK'
cd "$1" || exit 3
seen=$(grep -c ok "$2")
said=$(sqlite3 t 'pragma integrity_check; select count(*) from t' 2>&1) || { echo "$said"; exit 2; }
set -- $said
[ "$1" = ok ] || { echo "$said"; exit 2; }
[ "$2" -ge "$seen" ] || { echo "$2 rows of $seen acknowledged"; exit 1; }
CHECK
for row in 'extra delete' 'full delete' 'off delete' 'full wal' 'normal wal'; do
    set -- $row
    rm -rf db
    mkdir db
    sqlite3 db/t "pragma journal_mode=$2; create table t(x)" >/dev/null
    # The index of the write-ahead log is a shared mapping; recovery makes it new.
    case $2 in wal) allow='--allow mmap' ;; *) allow='' ;; esac
    echo "== synchronous=$1, journal_mode=$2"
    "$lithify" record --dir db --out "$1-$2.rec" $allow -- stdbuf -oL sqlite3 db/t "pragma synchronous=$1" \
        'insert into t values(1)' "select 'ok'" 'insert into t values(2)' "select 'ok'" \
        'insert into t values(3)' "select 'ok'" >/dev/null
    "$lithify" crash "$1-$2.rec" --check 'sh check.sh' --model posix-min,ext4-ordered || true
done
