-- The event log in PostgreSQL. Runs whole, in one transaction, as often as one likes.

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'trastienda_eventlog') THEN
    CREATE ROLE trastienda_eventlog NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
  NULL; -- roles belong to the cluster: the log of another of its databases was prepared at the same time
END $$;

DO $$
BEGIN
  IF NOT pg_has_role(CURRENT_USER, 'trastienda_eventlog', 'SET') THEN
    GRANT trastienda_eventlog TO CURRENT_USER;
  END IF;
END $$;

CREATE SCHEMA IF NOT EXISTS eventlog;

CREATE TABLE IF NOT EXISTS eventlog.identity (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  id       uuid    NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO eventlog.identity DEFAULT VALUES ON CONFLICT DO NOTHING;

-- One row is updated by every publication: room on its page keeps the update off the indexes.
CREATE TABLE IF NOT EXISTS eventlog.partition (
  id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  topic       text    NOT NULL,
  number      integer NOT NULL,
  next_offset bigint  NOT NULL DEFAULT 0,
  UNIQUE (topic, number)
) WITH (fillfactor = 50);

-- Key and headers (a JSON object of texts) are bytes, because PostgreSQL's text and jsonb cannot hold U+0000 and a
-- log that refuses what a dead letter quotes would stop its consumer. To look: convert_from(headers, 'UTF8')::json.
CREATE TABLE IF NOT EXISTS eventlog.message (
  partition_id integer     NOT NULL,
  log_offset   bigint      NOT NULL,
  appended_at  timestamptz NOT NULL,
  key          bytea       NOT NULL,
  headers      bytea       NOT NULL,
  value        bytea       NOT NULL,
  PRIMARY KEY (partition_id, log_offset)
);

-- A consumer group's next offset. A member that reads a partition holds the lock of its row.
CREATE TABLE IF NOT EXISTS eventlog.group_offset (
  group_name   text        NOT NULL,
  partition_id integer     NOT NULL REFERENCES eventlog.partition,
  next_offset  bigint      NOT NULL DEFAULT 0,
  served_at    timestamptz NOT NULL DEFAULT '-infinity',
  PRIMARY KEY (group_name, partition_id)
) WITH (fillfactor = 50);

-- Takes counts[i] offsets of partitions[i]. The row locks last until the transaction ends, so offsets become visible
-- in order and a rolled back publication leaves no gap. Callers sort `partitions`: the same order everywhere is what
-- keeps two publications from waiting for each other.
CREATE OR REPLACE FUNCTION eventlog.reserve(partitions integer[], counts integer[])
RETURNS TABLE (first_offset bigint, appended_at timestamptz) LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1 .. cardinality(partitions) LOOP
    UPDATE eventlog.partition SET next_offset = next_offset + counts[i] WHERE id = partitions[i]
      RETURNING next_offset - counts[i] INTO STRICT first_offset;
    appended_at := clock_timestamp(); -- after the lock, so that time does not run backwards within a partition
    PERFORM pg_notify('trastienda_eventlog', partitions[i]::text);
    RETURN NEXT;
  END LOOP;
END $$;

GRANT USAGE ON SCHEMA eventlog TO trastienda_eventlog;
GRANT SELECT ON eventlog.identity TO trastienda_eventlog;
GRANT SELECT, INSERT, UPDATE, DELETE ON eventlog.partition, eventlog.message, eventlog.group_offset
  TO trastienda_eventlog;
