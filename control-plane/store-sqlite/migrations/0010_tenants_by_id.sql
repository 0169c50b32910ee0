-- A tenant reads its own row and the platform everybody's, by one query: its condition on the owner is an alternative, which leads to
-- no row. Without this every look at a tenant went through all of them.
create unique index tenants_by_id on tenants (id);
