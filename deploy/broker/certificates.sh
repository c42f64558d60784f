#!/usr/bin/env bash
# Makes the certificates of a broker, its nodes and its centre: an authority of your own, elliptic-curve keys.
#
#   certificates.sh FOLDER ca                        once; ca.key signs everything: keep it off the broker
#   certificates.sh FOLDER broker HOST [HOST...]     names or addresses by which nodes and centre reach the broker
#   certificates.sh FOLDER node REGION/SITE/NODE     for one edge agent: its [node] names, and its files below FOLDER
#   certificates.sh FOLDER centre                    for the command centre
#
# What is there already is left as it is; delete NAME.pem and NAME.key to make them anew. DAYS=825 sets how long they last.
set -euo pipefail
umask 077

usage() {
    sed -n '4,7s/^# *//p' "$0" >&2
    exit 2
}
[ $# -ge 2 ] || usage
folder=$1 what=$2
shift 2
days=${DAYS:-825}
mkdir -p "$folder"
cd "$folder"

# key_and_certificate FILE COMMON_NAME USAGE [ALT_NAMES]
key_and_certificate() {
    if [ -e "$1.pem" ]; then
        echo "$folder/$1.pem is there already"
        return
    fi
    [ -e ca.key ] || { echo "$folder/ca.key is missing: run \"$0 $folder ca\" first" >&2; exit 1; }
    mkdir -p "$(dirname "$1")"
    local extensions
    extensions=$(printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=%s\n' "$3")
    if [ -n "${4:-}" ]; then
        extensions+=$'\n'"subjectAltName=$4"
    fi
    openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
    # A slash in a name would begin the next field of the subject.
    openssl req -new -key "$1.key" -subj "/CN=${2//\//\\/}" |
        openssl x509 -req -CA ca.pem -CAkey ca.key -CAcreateserial -days "$days" -sha256 \
            -extfile <(printf '%s\n' "$extensions") -out "$1.part"
    mv "$1.part" "$1.pem"
    echo "$folder/$1.pem and $folder/$1.key"
}

case $what in
ca)
    if [ -e ca.pem ]; then
        echo "$folder/ca.pem is there already"
    else
        openssl ecparam -name prime256v1 -genkey -noout -out ca.key
        openssl req -x509 -new -key ca.key -sha256 -days 3650 -subj "/CN=Safe City broker authority" \
            -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign -out ca.part
        mv ca.part ca.pem
        echo "$folder/ca.pem and $folder/ca.key"
    fi
    ;;
broker)
    [ $# -ge 1 ] || usage
    names=
    for host in "$@"; do
        if [[ $host =~ ^[0-9.]+$ || $host == *:* ]]; then kind=IP; else kind=DNS; fi
        names+="${names:+,}$kind:$host"
    done
    key_and_certificate broker "$1" serverAuth "$names"
    ;;
node)
    [[ ${1:-} =~ ^[^/]+/[^/]+/[^/]+$ ]] || { echo "a node is named REGION/SITE/NODE, not \"${1:-}\"" >&2; exit 2; }
    [ ${#1} -le 64 ] || { echo "\"$1\" is longer than the 64 characters that a certificate's name may have" >&2; exit 2; }
    key_and_certificate "$1" "$1" clientAuth
    ;;
centre)
    key_and_certificate centre centre clientAuth
    ;;
*)
    usage
    ;;
esac
