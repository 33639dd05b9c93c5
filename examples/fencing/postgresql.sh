#!/bin/sh
# A row of PostgreSQL that refuses older terms. Make the table with postgresql.sql; PGHOST and the like say where it is.
#
# usage: postgresql.sh claim | write VALUE | read
set -eu

ask() { psql -X -q -A -t -v ON_ERROR_STOP=1 -v term="${QUORATE_TERM:-0}" -v value="${1:-0}"; }

case ${1:-} in
claim)
    answer=$(ask <<'SQL'
UPDATE counter SET fence = :term WHERE id = 'orders' AND fence <= :term RETURNING value;
SQL
    ) ;;
write)
    answer=$(ask "$2" <<'SQL'
UPDATE counter SET fence = :term, value = :value WHERE id = 'orders' AND fence <= :term RETURNING value;
SQL
    ) ;;
read) answer=$(ask <<'SQL'
SELECT value FROM counter WHERE id = 'orders';
SQL
    ) ;;
*) echo "usage: postgresql.sh claim | write VALUE | read" >&2; exit 2 ;;
esac
# No row was changed.
[ -n "$answer" ] || { echo "refused: a newer term than ${QUORATE_TERM:-0} was here" >&2; exit 1; }
echo "$answer"
