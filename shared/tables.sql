-- Ids come from content too: two tenants may hold the same. payload is json, not jsonb: what was measured is published.
CREATE TABLE {schema}.outbox (
  id uuid NOT NULL,
  sequence bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  aggregatetype varchar(255) NOT NULL,
  aggregateid varchar(255) NOT NULL,
  type varchar(255) NOT NULL,
  payload json NOT NULL,
  headers jsonb NOT NULL,
  tenant_id text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE TABLE {schema}.inbox (
  consumer text NOT NULL,
  tenant_id text NOT NULL,
  event_id uuid NOT NULL,
  received_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (consumer, tenant_id, event_id)
);
CREATE TABLE {schema}.consumer_offset (
  log text NOT NULL,
  consumer text NOT NULL,
  topic text NOT NULL,
  partition int NOT NULL,
  next_offset bigint NOT NULL,
  PRIMARY KEY (log, consumer, topic, partition)
);
CREATE TABLE {schema}.idempotency_key (
  tenant_id text NOT NULL DEFAULT current_setting('trastienda.tenant'),
  subject text NOT NULL,
  key text NOT NULL,
  fingerprint bytea NOT NULL,
  status int NOT NULL,
  headers jsonb NOT NULL,
  body bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, subject, key)
);
CREATE INDEX ix_idempotency_key_created_at ON {schema}.idempotency_key (created_at);
CREATE TABLE {schema}.job (
  id uuid PRIMARY KEY,
  tenant_id text NOT NULL DEFAULT current_setting('trastienda.tenant'),
  kind text NOT NULL,
  status text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'succeeded', 'failed')),
  params jsonb NOT NULL,
  cursor jsonb NOT NULL DEFAULT '{}',
  done bigint NOT NULL DEFAULT 0,
  total bigint,
  result jsonb,
  error jsonb,
  attempts int NOT NULL DEFAULT 0,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  finished_at timestamptz
);
CREATE INDEX ix_job_open ON {schema}.job (created_at) WHERE status IN ('queued', 'running');
CREATE INDEX ix_job_tenant_created ON {schema}.job (tenant_id, created_at DESC, id DESC)
