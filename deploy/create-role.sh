#!/bin/sh
# Creates the login role and its database. The Postgres image runs it once, as superuser, in an empty cluster.
# The role owns the tables but is not a superuser, so Row Level Security applies to it. It may create roles, because the
# first migration creates the two roles that requests use.
set -eu
psql -v ON_ERROR_STOP=1 -v password="$SWITCHBOARD_PASSWORD" --username "$POSTGRES_USER" --dbname postgres <<'SQL'
CREATE ROLE switchboard LOGIN NOSUPERUSER NOBYPASSRLS CREATEROLE PASSWORD :'password';
CREATE DATABASE switchboard OWNER switchboard;
SQL
