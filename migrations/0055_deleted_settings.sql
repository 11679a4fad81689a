-- Settings of deleted destinations are not needed any more: nothing opens them, and the secrets in them are no longer ours to keep.
update destination set settings_sealed = '' where deleted_at is not null;
