#!/bin/sh
# Makes the login role and its database; run once by the Postgres image, as its superuser, in an empty cluster.
# The role owns the tables but is no superuser, so that row level security holds for it too. It may create roles,
# because the first migration makes the two roles that requests run under.
set -eu
psql -v ON_ERROR_STOP=1 -v password="$SWITCHBOARD_PASSWORD" --username "$POSTGRES_USER" --dbname postgres <<'SQL'
CREATE ROLE switchboard LOGIN NOSUPERUSER NOBYPASSRLS CREATEROLE PASSWORD :'password';
CREATE DATABASE switchboard OWNER switchboard;
SQL
