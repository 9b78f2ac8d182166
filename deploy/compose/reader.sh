#!/bin/sh
# Makes Grafana's user, a member of the reader's role, or gives it the password of now.
set -eu
PGPASSWORD=$(cat /run/secrets/postgres-password) password=$(cat /run/secrets/reader-password)
export PGPASSWORD password
exec psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 <<'SQL'
\getenv password password
SELECT 'CREATE ROLE grafana' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'grafana') \gexec
ALTER ROLE grafana LOGIN PASSWORD :'password';
GRANT spacekeeper_reader TO grafana;
ALTER ROLE grafana SET statement_timeout = '30s';
SQL
