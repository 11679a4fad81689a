-- Who may use the admin API beside the token of the environment. The token itself is shown once and never stored.
create table api_token (
  id uuid primary key,
  name text not null,
  role text not null check (role in ('viewer', 'operator', 'admin')),
  -- SHA-256 of the whole token: 256 random bits need no slow hash.
  token_hash bytea not null check (octet_length(token_hash) = 32),
  -- Null: the token of the environment made it.
  created_by_id uuid references api_token (id),
  created_by_name text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz
);

create index api_token_list on api_token (created_at desc, id desc);
