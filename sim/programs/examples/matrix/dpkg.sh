# dpkg --install. dpkg(1): --force-unsafe-io "will improve performance at the cost of losing data".
needs='dpkg dpkg-deb'
rows='safe unsafe-io'
expects() { case $1 in safe) echo bad good ;; *) echo bad bad ;; esac; }
options() { :; }
prepare() {
    mkdir -p package/DEBIAN package/opt data/root/var/lib/dpkg/info data/root/var/lib/dpkg/updates
    printf 'Package: p\nVersion: 1\nArchitecture: all\nMaintainer: a <a@a>\nDescription: p\n' >package/DEBIAN/control
    seq 300 >package/opt/f
    dpkg-deb --root-owner-group --build package p.deb
    : >data/root/var/lib/dpkg/status
    : >data/root/var/lib/dpkg/available
    cat >check.sh <<'CHECK'
state=$(dpkg-query --admindir="$1/root/var/lib/dpkg" -W -f '${db:Status-Status}' p 2>said) || state=none
case $state in
installed) [ "$(sum <"$1/root/opt/f" 2>/dev/null)" = "$(seq 300 | sum)" ] || { echo 'installed, and its file is not whole'; exit 2; } ;;
none) if grep -q done "$2"; then echo 'installed, and unknown'; exit 1; fi ;;
esac
CHECK
}
program() {
    case $1 in safe) option=--no-force-unsafe-io ;; *) option=--force-unsafe-io ;; esac
    dpkg "$option" --force-script-chrootless --force-not-root --root=data/root --log=/dev/null -i p.deb >/dev/null 2>&1 && echo done
}
