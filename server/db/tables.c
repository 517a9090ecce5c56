/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DDL of the server's own books, and the texts that read and write entity rows.
 *
 * The own tables are written once: {blob} stands for the dialect's type of bytes, {clustered} for SQLite's WITHOUT
 * ROWID.
 */
#include "db/tables.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "db/model.h"
#include "db/postgres.h"
#include "query/ddl.h"

#include <satchel/model.h>
#include <string.h>

static const char own_tables[] =
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value {blob} NOT NULL);\n"
    /* The one row that every writing transaction changes. */
    "CREATE TABLE counter (one INTEGER PRIMARY KEY CHECK (one = 1), epoch BIGINT NOT NULL, n BIGINT NOT NULL,"
    " audit_position BIGINT NOT NULL, audit_hash {blob} NOT NULL, day BIGINT NOT NULL);\n"
    "CREATE TABLE metric (name TEXT PRIMARY KEY, value BIGINT NOT NULL);\n"
    "CREATE TABLE revision_time (n BIGINT NOT NULL PRIMARY KEY, at_ms BIGINT NOT NULL) {clustered};\n"
    "CREATE TABLE device_state (device {blob} NOT NULL PRIMARY KEY, owner {blob} NOT NULL, public_key {blob} NOT NULL"
    " UNIQUE, incarnation BIGINT NOT NULL, token_current {blob} NOT NULL, token_previous {blob} NOT NULL,"
    " request_number BIGINT NOT NULL, enrolled_ms BIGINT NOT NULL, seen_ms BIGINT NOT NULL, revoked BIGINT NOT NULL);\n"
    "CREATE TABLE incarnation (number BIGINT NOT NULL PRIMARY KEY, id {blob} NOT NULL UNIQUE, device {blob} NOT NULL,"
    " owner {blob} NOT NULL, parent BIGINT NOT NULL, parent_sequence BIGINT NOT NULL, applied_through BIGINT NOT NULL,"
    " applied_digest {blob} NOT NULL) {clustered};\n"
    "CREATE TABLE enrolment_code (code_key {blob} NOT NULL PRIMARY KEY, code {blob} NOT NULL, owner {blob} NOT NULL,"
    " expires_ms BIGINT NOT NULL, public_key {blob} NOT NULL, device {blob} NOT NULL);\n"
    "CREATE TABLE unit_result (incarnation BIGINT NOT NULL, first_sequence BIGINT NOT NULL, count BIGINT NOT NULL,"
    " digest {blob} NOT NULL, n BIGINT NOT NULL, result {blob} NOT NULL, PRIMARY KEY (incarnation, first_sequence))"
    " {clustered};\n"
    "CREATE TABLE kept_unit (incarnation BIGINT NOT NULL, first_sequence BIGINT NOT NULL, code BIGINT NOT NULL,"
    " reason BIGINT NOT NULL, at_ms BIGINT NOT NULL, unit {blob} NOT NULL, PRIMARY KEY (incarnation, first_sequence))"
    " {clustered};\n"
    "CREATE TABLE unmade_row (device {blob} NOT NULL, row {blob} NOT NULL, sequence BIGINT NOT NULL,"
    " PRIMARY KEY (device, row)) {clustered};\n"
    "CREATE TABLE scope (number BIGINT NOT NULL PRIMARY KEY, kind BIGINT NOT NULL, subject {blob} NOT NULL,"
    " head_n BIGINT NOT NULL, members BIGINT NOT NULL, UNIQUE (kind, subject));\n"
    "CREATE TABLE scope_set (number BIGINT NOT NULL PRIMARY KEY, scopes {blob} NOT NULL UNIQUE);\n"
    "CREATE TABLE scope_loss (owner {blob} NOT NULL, scope BIGINT NOT NULL, lost_n BIGINT NOT NULL,"
    " PRIMARY KEY (owner, scope)) {clustered};\n"
    "CREATE TABLE membership (anchor {blob} NOT NULL, rank BIGINT NOT NULL, root {blob} NOT NULL,"
    " scope BIGINT NOT NULL, entered_n BIGINT NOT NULL, last_n BIGINT NOT NULL, present BIGINT NOT NULL,"
    " PRIMARY KEY (anchor, rank, root, scope)) {clustered};\n"
    "CREATE INDEX membership_by_place ON membership (scope, anchor, rank, root) WHERE present = 1;\n"
    "CREATE INDEX membership_by_change ON membership (scope, last_n, anchor, rank, root);\n"
    "INSERT INTO counter (one, epoch, n, audit_position, audit_hash, day) VALUES (1, 1, 0, 0, '', 0);\n";

/* What format 2 added. */
static const char own_tables_2[] =
    /* Numbers of revisions up to here were given out, as far as anybody outside may have heard of one. */
    "ALTER TABLE counter ADD COLUMN reserved_n BIGINT NOT NULL DEFAULT 0;\n"
    "ALTER TABLE counter ADD COLUMN erasures BIGINT NOT NULL DEFAULT 0;\n"
    "ALTER TABLE counter ADD COLUMN fenced BIGINT NOT NULL DEFAULT 0;\n"
    "CREATE TABLE epoch (number BIGINT NOT NULL PRIMARY KEY, restored_n BIGINT NOT NULL, begins_n BIGINT NOT NULL,"
    " at_ms BIGINT NOT NULL) {clustered};\n"
    "CREATE TABLE backup (number BIGINT NOT NULL PRIMARY KEY, epoch BIGINT NOT NULL, n BIGINT NOT NULL,"
    " at_ms BIGINT NOT NULL, audit_position BIGINT NOT NULL, audit_hash {blob} NOT NULL, bytes BIGINT NOT NULL,"
    " digest {blob} NOT NULL) {clustered};\n"
    "CREATE TABLE digest (grp BIGINT NOT NULL, kind BIGINT NOT NULL, sums {blob} NOT NULL, PRIMARY KEY (grp, kind))"
    " {clustered};\n"
    "CREATE TABLE digest_scope (scope BIGINT NOT NULL, grp BIGINT NOT NULL, PRIMARY KEY (scope, grp)) {clustered};\n"
    /* Of a company that has rows already they are made when it is idle. */
    "CREATE TABLE digest_state (one INTEGER PRIMARY KEY CHECK (one = 1), valid BIGINT NOT NULL);\n"
    "INSERT INTO digest_state (one, valid) SELECT 1, CASE WHEN n = 0 THEN 1 ELSE 0 END FROM counter;\n"
    "CREATE TABLE device_point (device {blob} NOT NULL PRIMARY KEY, n BIGINT NOT NULL, at_ms BIGINT NOT NULL)"
    " {clustered};\n"
    "CREATE TABLE horizon (one INTEGER PRIMARY KEY CHECK (one = 1), pruned_n BIGINT NOT NULL);\n"
    "INSERT INTO horizon (one, pruned_n) VALUES (1, 0);\n";
static const char own_tables_2_more[] =
    "CREATE TABLE ledger_outbox (id {blob} NOT NULL PRIMARY KEY, entry {blob} NOT NULL) {clustered};\n"
    "CREATE TABLE restored_row (entity BIGINT NOT NULL, row {blob} NOT NULL, before {blob} NOT NULL,"
    " PRIMARY KEY (entity, row)) {clustered};\n"
    "CREATE TABLE returned_op (entity BIGINT NOT NULL, row {blob} NOT NULL, n BIGINT NOT NULL,"
    " sequence BIGINT NOT NULL, incarnation BIGINT NOT NULL, owner {blob} NOT NULL, stamp_ms BIGINT NOT NULL,"
    " op {blob} NOT NULL, PRIMARY KEY (entity, row, n, sequence, incarnation)) {clustered};\n"
    "CREATE TABLE erased_row (entity BIGINT NOT NULL, row {blob} NOT NULL, erasure {blob} NOT NULL,"
    " PRIMARY KEY (entity, row)) {clustered};\n"
    "CREATE INDEX erased_row_by_erasure ON erased_row (erasure);\n"
    "CREATE TABLE erasure_due (device {blob} NOT NULL, erasure {blob} NOT NULL, PRIMARY KEY (device, erasure))"
    " {clustered};\n"
    /* What stands for all phones: numbers of orders, what they hold beside meta's, the newest checkpoint. One row. */
    "CREATE TABLE order_book (one INTEGER PRIMARY KEY CHECK (one = 1), serial BIGINT NOT NULL,"
    " policy_serial BIGINT NOT NULL, lease_days BIGINT NOT NULL, minimum_app BIGINT NOT NULL,"
    " checkpoint_position BIGINT NOT NULL, checkpoint_ms BIGINT NOT NULL);\n"
    "INSERT INTO order_book (one, serial, policy_serial, lease_days, minimum_app, checkpoint_position, checkpoint_ms)"
    " VALUES (1, 0, 0, 0, 0, 0, 0);\n"
    "CREATE TABLE device_orders (device {blob} NOT NULL PRIMARY KEY, serial BIGINT NOT NULL, command BIGINT NOT NULL,"
    " ordered_ms BIGINT NOT NULL, heard BIGINT NOT NULL, heard_ms BIGINT NOT NULL, receipt_kind BIGINT NOT NULL,"
    " receipt_ms BIGINT NOT NULL, receipt {blob} NOT NULL) {clustered};\n"
    "CREATE TABLE audit_checkpoint (position BIGINT NOT NULL PRIMARY KEY, at_ms BIGINT NOT NULL,"
    " hash {blob} NOT NULL, block {blob} NOT NULL) {clustered};\n"
    "CREATE TABLE audit_witness (device {blob} NOT NULL PRIMARY KEY, position BIGINT NOT NULL, at_ms BIGINT NOT NULL,"
    " hash {blob} NOT NULL, seen_ms BIGINT NOT NULL, bad_position BIGINT NOT NULL, bad_ms BIGINT NOT NULL,"
    " bad_hash {blob} NOT NULL) {clustered};\n";

/* And for commands: the company's rules and marks, what users did today, what waits, was merged, may be a double. */
static const char command_tables_2[] =
    "CREATE TABLE company_rule (name TEXT PRIMARY KEY, value BIGINT NOT NULL);\n"
    "CREATE TABLE company_mark (name TEXT PRIMARY KEY, day BIGINT NOT NULL, done BIGINT NOT NULL,"
    " place {blob} NOT NULL);\n"
    "CREATE TABLE daily_count (owner {blob} NOT NULL, kind BIGINT NOT NULL, day BIGINT NOT NULL,"
    " times BIGINT NOT NULL, PRIMARY KEY (owner, kind, day)) {clustered};\n"
    "CREATE TABLE pool_past (customer {blob} NOT NULL PRIMARY KEY, owner {blob} NOT NULL, until_ms BIGINT NOT NULL)"
    " {clustered};\n"
    "CREATE TABLE proposal (approval {blob} NOT NULL PRIMARY KEY, steps BIGINT NOT NULL, op {blob} NOT NULL)"
    " {clustered};\n"
    "CREATE TABLE customer_merge (gone {blob} NOT NULL PRIMARY KEY, survivor {blob} NOT NULL, at_ms BIGINT NOT NULL,"
    " owner {blob} NOT NULL, archived BIGINT NOT NULL, gained {blob} NOT NULL) {clustered};\n"
    "CREATE TABLE customer_moved (gone {blob} NOT NULL, entity BIGINT NOT NULL, row {blob} NOT NULL,"
    " field BIGINT NOT NULL, was {blob} NOT NULL, became {blob} NOT NULL, PRIMARY KEY (gone, entity, row, field))"
    " {clustered};\n"
    "CREATE TABLE customer_key (kind BIGINT NOT NULL, content {blob} NOT NULL, customer {blob} NOT NULL,"
    " PRIMARY KEY (kind, content, customer)) {clustered};\n"
    "CREATE INDEX customer_key_by_customer ON customer_key (customer);\n";

/* In pieces, because a text of C has a longest length. */
/* And for scopes: when fields of one class, and no open one, moved last. */
static const char scope_tables_2[] =
    "CREATE TABLE membership_class (anchor {blob} NOT NULL, rank BIGINT NOT NULL, root {blob} NOT NULL,"
    " scope BIGINT NOT NULL, class BIGINT NOT NULL, last_n BIGINT NOT NULL,"
    " PRIMARY KEY (anchor, rank, root, scope, class)) {clustered};\n"
    "CREATE INDEX membership_class_by_change ON membership_class (scope, class, last_n, anchor, rank, root);\n"
    /* Customers whose facts moved and whose memberships follow: 1 removals wait, 2 arrivals, 3 the new rule. */
    "CREATE TABLE realigned_customer (customer {blob} NOT NULL PRIMARY KEY, step BIGINT NOT NULL) {clustered};\n"
    "CREATE INDEX realigned_customer_by_step ON realigned_customer (step, customer);\n";

static const char *const steps_to_2[] = {own_tables_2, own_tables_2_more, command_tables_2, scope_tables_2};

/*
 * What format 3 added: the ledger's entries in their order, what is known of it, and how far phones are with erasures.
 * An epoch of before counts as one whose ledger was whole.
 */
static const char own_tables_3[] =
    "ALTER TABLE ledger_outbox ADD COLUMN serial BIGINT NOT NULL DEFAULT 0;\n"
    "CREATE INDEX ledger_outbox_by_serial ON ledger_outbox (serial);\n"
    "ALTER TABLE counter ADD COLUMN ledger_known BIGINT NOT NULL DEFAULT 0;\n"
    "ALTER TABLE epoch ADD COLUMN ledger_serial BIGINT NOT NULL DEFAULT 9223372036854775807;\n"
    "ALTER TABLE erasure_due ADD COLUMN after_entity BIGINT NOT NULL DEFAULT 0;\n"
    "ALTER TABLE erasure_due ADD COLUMN after_row {blob} NOT NULL DEFAULT '';\n"
    /* 0: no command, 1: one that waits to be carried out again, 2: it is, 3: it was overtaken */
    "ALTER TABLE returned_op ADD COLUMN command BIGINT NOT NULL DEFAULT 0;\n"
    "CREATE INDEX returned_op_that_waits ON returned_op (n, sequence) WHERE command = 1;\n"
    "CREATE INDEX erasure_due_by_erasure ON erasure_due (erasure);\n"
    "CREATE TABLE erasure_closed (erasure {blob} NOT NULL, device {blob} NOT NULL, reason BIGINT NOT NULL,"
    " at_ms BIGINT NOT NULL, PRIMARY KEY (erasure, device)) {clustered};\n";

/*
 * In any format, when the database is opened: a server that does not know of it loses nothing. Rows that were pruned;
 * their ids make no row again.
 */
static const char tables_of_any[] =
    "CREATE TABLE IF NOT EXISTS pruned_row (entity BIGINT NOT NULL, row {blob} NOT NULL, n BIGINT NOT NULL,"
    " PRIMARY KEY (entity, row)) {clustered};\n"
    /* Nobody looks entries of the audit up by their few actions, and every unit writes one. */
    "DROP INDEX IF EXISTS \"audit_event_by_action\";\n";

/*
 * In format 1 a child row was in the scope of its own owner as well. Each customer waits for its memberships to be made
 * anew, as after a realignment: in steps, or with the next row that is saved at it.
 */
static const char remake_memberships[] =
    "INSERT INTO realigned_customer (customer, step) SELECT \"id\", 3 FROM \"customer\";\n";

/* Columns that the server adds to an entity's table. */
static const char extra_columns_sqlite[] =
    ", \"versions\" BLOB, \"rev_open\" BIGINT NOT NULL DEFAULT 0, \"rev_personal\" BIGINT NOT NULL DEFAULT 0"
    ", \"rev_commercial\" BIGINT NOT NULL DEFAULT 0, \"rev_secret\" BIGINT NOT NULL DEFAULT 0";
static const char extra_columns_postgres[] =
    ", \"versions\" BYTEA, \"rev_open\" BIGINT NOT NULL DEFAULT 0, \"rev_personal\" BIGINT NOT NULL DEFAULT 0"
    ", \"rev_commercial\" BIGINT NOT NULL DEFAULT 0, \"rev_secret\" BIGINT NOT NULL DEFAULT 0";

/* Rows are found by these as well: external numbers, logins, the assignments of a user. */
static satchel_status put_more_indexes(const satchel_entity *entity, satchel_buffer *out) {
    for (uint32_t i = 0; i < entity->field_count; i++) {
        const char *name = entity->fields[i].name;
        bool is_covered = entity->number == SATCHEL_ENTITY_ASSIGNMENT && strcmp(name, "user") == 0;
        if (strcmp(name, "external_id") != 0 && strcmp(name, "login") != 0 && !is_covered) {
            continue;
        }
        satchel_status status = satchel_buffer_append_format(
            out, "CREATE INDEX \"%s_by_%s\" ON \"%s\" (\"%s\") WHERE \"%s\" IS NOT NULL;\n", entity->name, name,
            entity->name, name, name);
        if (status != SATCHEL_OK) {
            return status;
        }
    }
    return SATCHEL_OK;
}

/* --- texts --- */

/* Appends a zero and moves the text into the arena. */
static satchel_status keep_text(satchel_tables *tables, satchel_buffer *text, const char **out) {
    *out = satchel_arena_text(&tables->arena, (satchel_text){(const char *)text->data, text->bytes});
    satchel_buffer_clear(text);
    return *out != NULL ? SATCHEL_OK : SATCHEL_NO_MEMORY;
}

static const char leading_columns[] =
    "rowid, \"id\", \"versions\", \"rev_open\", \"rev_personal\", \"rev_commercial\", "
    "\"rev_secret\", ";

static satchel_status build_columns(satchel_tables *tables, satchel_table *table, satchel_buffer *text) {
    satchel_status status = satchel_buffer_append_format(text, "%s", leading_columns);
    if (status == SATCHEL_OK) {
        status = satchel_ddl_columns(tables->schema, table->entity->number, satchel_text_of(""), text);
    }
    return status == SATCHEL_OK ? keep_text(tables, text, &table->columns) : status;
}

static satchel_status build_selects(satchel_tables *tables, satchel_table *table, satchel_buffer *text) {
    satchel_status status =
        satchel_buffer_append_format(text, "SELECT %s FROM %s WHERE \"id\" = ?1", table->columns, table->name);
    if (status == SATCHEL_OK) {
        status = keep_text(tables, text, &table->select_by_id);
    }
    if (status != SATCHEL_OK || table->entity->root == 0) {
        return status;
    }
    const satchel_field *by = satchel_schema_field(tables->schema, table->entity->number, table->entity->root_field);
    status = satchel_buffer_append_format(text, "SELECT %s FROM %s WHERE \"%s\" = ?1 ORDER BY \"id\"", table->columns,
                                          table->name, by->name);
    return status == SATCHEL_OK ? keep_text(tables, text, &table->select_by_root) : status;
}

static satchel_status put_fact(const satchel_tables *tables, const satchel_entity *entity, uint32_t number,
                               satchel_buffer *text) {
    const satchel_field *field = number != 0 ? satchel_schema_field(tables->schema, entity->number, number) : NULL;
    return field != NULL ? satchel_buffer_append_format(text, "\"%s\", ", field->name)
                         : satchel_buffer_append_format(text, "NULL, ");
}

static satchel_status build_facts(satchel_tables *tables, satchel_table *table, satchel_buffer *text) {
    const satchel_entity *entity = table->entity;
    const uint32_t facts[] = {entity->owner_field, entity->anchor_field, entity->root_field};
    satchel_status status = satchel_buffer_append_format(text, "SELECT ");
    for (size_t i = 0; status == SATCHEL_OK && i < sizeof facts / sizeof *facts; i++) {
        status = put_fact(tables, entity, facts[i], text);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_format(text, "\"deleted\" FROM %s WHERE \"id\" = ?1", table->name);
    }
    return status == SATCHEL_OK ? keep_text(tables, text, &table->select_facts) : status;
}

/* ?1 id, ?2 versions, ?3 … ?6 revisions, then fields by number but for the id, custom, tail. */
static satchel_status build_insert(satchel_tables *tables, satchel_table *table, satchel_buffer *text) {
    uint32_t count = 6 + (table->entity->field_count - 1) + 2;
    satchel_status status = satchel_buffer_append_format(text, "INSERT INTO %s (%s) VALUES (?1", table->name,
                                                         table->columns + strlen("rowid, "));
    for (uint32_t i = 2; status == SATCHEL_OK && i <= count; i++) {
        status = satchel_buffer_append_format(text, ", ?%u", (unsigned)i);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_format(text, ") RETURNING rowid");
    }
    return status == SATCHEL_OK ? keep_text(tables, text, &table->insert) : status;
}

static satchel_status build_table(satchel_tables *tables, const satchel_entity *entity, satchel_buffer *text) {
    satchel_table *table = &tables->items[entity->number];
    table->entity = entity;
    satchel_status status = satchel_buffer_append_format(text, "\"%s\"", entity->name);
    if (status == SATCHEL_OK) {
        status = keep_text(tables, text, &table->name);
    }
    if (status == SATCHEL_OK) {
        status = build_columns(tables, table, text);
    }
    if (status == SATCHEL_OK) {
        status = build_selects(tables, table, text);
    }
    if (status == SATCHEL_OK) {
        status = build_facts(tables, table, text);
    }
    return status == SATCHEL_OK ? build_insert(tables, table, text) : status;
}

satchel_status satchel_db_tables_open(satchel_tables **out, const satchel_schema *schema, satchel_dialect dialect) {
    *out = NULL;
    satchel_tables *tables = satchel_memory_take(sizeof *tables);
    if (tables == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    tables->schema = schema;
    tables->dialect = dialect;
    satchel_arena_init(&tables->arena);
    satchel_buffer text;
    satchel_buffer_init(&text);
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < schema->model->entity_count; i++) {
        status = build_table(tables, &schema->model->entities[i], &text);
    }
    satchel_buffer_deinit(&text);
    if (status != SATCHEL_OK) {
        satchel_db_tables_close(tables);
        return status;
    }
    *out = tables;
    return SATCHEL_OK;
}

void satchel_db_tables_close(satchel_tables *tables) {
    if (tables != NULL) {
        satchel_arena_deinit(&tables->arena);
        satchel_memory_give(tables);
    }
}

const satchel_table *satchel_db_tables_get(const satchel_tables *tables, uint32_t entity) {
    return entity < SATCHEL_TABLE_COUNT && tables->items[entity].name != NULL ? &tables->items[entity] : NULL;
}

/* --- creating --- */

/* Copies `text` with {blob} and {clustered} put into the dialect's words. */
static satchel_status put_dialect(const char *text, satchel_dialect dialect, satchel_buffer *out) {
    bool postgres = dialect == SATCHEL_DIALECT_POSTGRES;
    satchel_status status = SATCHEL_OK;
    while (status == SATCHEL_OK && *text != '\0') {
        const char *brace = strchr(text, '{');
        size_t plain = brace != NULL ? (size_t)(brace - text) : strlen(text);
        status = satchel_buffer_append(out, satchel_bytes_of(text, plain));
        text += plain;
        if (status != SATCHEL_OK || brace == NULL) {
            continue;
        }
        bool blob = strncmp(text, "{blob}", 6) == 0;
        const char *word = blob ? (postgres ? "BYTEA" : "BLOB") : (postgres ? "" : "WITHOUT ROWID");
        status = satchel_buffer_append_format(out, "%s", word);
        text += strcspn(text, "}") + 1;
    }
    return status;
}

satchel_status satchel_db_tables_put_entity(const satchel_tables *tables, const satchel_entity *entity,
                                            satchel_buffer *out) {
    bool postgres = tables->dialect == SATCHEL_DIALECT_POSTGRES;
    satchel_text extra = satchel_text_of(postgres ? extra_columns_postgres : extra_columns_sqlite);
    satchel_status status = satchel_ddl_table(tables->schema, entity->number, tables->dialect, extra, out);
    if (status == SATCHEL_OK) {
        status = satchel_ddl_indexes(tables->schema, entity->number, tables->dialect, out);
    }
    return status == SATCHEL_OK ? put_more_indexes(entity, out) : status;
}

static satchel_status put_entities(const satchel_tables *tables, satchel_buffer *out) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < tables->schema->model->entity_count; i++) {
        status = satchel_db_tables_put_entity(tables, &tables->schema->model->entities[i], out);
    }
    return status;
}

static satchel_status create_all(const satchel_tables *tables, satchel_db *db, satchel_error *error) {
    satchel_buffer sql;
    satchel_buffer_init(&sql);
    satchel_status status = put_dialect(own_tables, tables->dialect, &sql);
    for (size_t i = 0; status == SATCHEL_OK && i < sizeof steps_to_2 / sizeof *steps_to_2; i++) {
        status = put_dialect(steps_to_2[i], tables->dialect, &sql);
    }
    if (status == SATCHEL_OK) {
        status = put_dialect(own_tables_3, tables->dialect, &sql);
    }
    if (status == SATCHEL_OK) {
        status = put_entities(tables, &sql);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(&sql, 0);
    }
    if (status == SATCHEL_OK) {
        status = satchel_db_exec(db, (const char *)sql.data, error);
    } else {
        status = satchel_fail(error, status, "no memory for the text of the tables");
    }
    satchel_buffer_deinit(&sql);
    if (status == SATCHEL_OK) {
        uint8_t format[4];
        satchel_put_u32be(format, SATCHEL_TABLES_FORMAT);
        status = SATCHEL_DB_RUN(db, error, "INSERT INTO meta (name, value) VALUES ('format', ?1)",
                                satchel_db_blob(format, sizeof format));
    }
    return status == SATCHEL_OK ? satchel_db_model_note(tables, db, error) : status;
}

/* From any older format. */
static satchel_status bring_up(const satchel_tables *tables, satchel_db *db, uint32_t format, satchel_error *error) {
    uint8_t now[4];
    satchel_buffer sql;
    satchel_buffer_init(&sql);
    satchel_status status = SATCHEL_OK;
    for (size_t i = 0; status == SATCHEL_OK && format < 2 && i < sizeof steps_to_2 / sizeof *steps_to_2; i++) {
        status = put_dialect(steps_to_2[i], tables->dialect, &sql);
    }
    if (status == SATCHEL_OK && format < 2) {
        status = put_dialect(remake_memberships, tables->dialect, &sql);
    }
    if (status == SATCHEL_OK) {
        status = put_dialect(own_tables_3, tables->dialect, &sql);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(&sql, 0);
    }
    status = status == SATCHEL_OK ? satchel_db_exec(db, (const char *)sql.data, error)
                                  : satchel_fail(error, status, "no memory for the text of the tables");
    satchel_buffer_deinit(&sql);
    satchel_put_u32be(now, SATCHEL_TABLES_FORMAT);
    return status == SATCHEL_OK ? SATCHEL_DB_RUN(db, error, "UPDATE meta SET value = ?1 WHERE name = 'format'",
                                                 satchel_db_blob(now, sizeof now))
                                : status;
}

/* Errors: DAMAGED (no format), NEWER_FORMAT. */
static satchel_status check_format(const satchel_tables *tables, satchel_db *db, satchel_error *error) {
    satchel_db_statement *statement = NULL;
    uint32_t format = 0;
    bool row = false;
    satchel_status status =
        satchel_db_start(&statement, db, "SELECT value FROM meta WHERE name = 'format'", NULL, 0, error);
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &row, error);
    }
    if (status == SATCHEL_OK && row) {
        satchel_bytes value = satchel_db_bytes(statement, 0);
        format = value.bytes == 4 ? satchel_get_u32be(value.data) : 0;
    }
    satchel_db_end(statement);
    if (status == SATCHEL_OK && format == 0) {
        status = satchel_fail(error, SATCHEL_DAMAGED, "the database does not tell its format");
    }
    if (status == SATCHEL_OK && format > SATCHEL_TABLES_FORMAT) {
        status = satchel_fail(error, SATCHEL_NEWER_FORMAT, "the database has format %u", (unsigned)format);
    }
    return status == SATCHEL_OK && format < SATCHEL_TABLES_FORMAT ? bring_up(tables, db, format, error) : status;
}

static const char *exists_sql(satchel_dialect dialect) {
    return dialect == SATCHEL_DIALECT_POSTGRES
               ? "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = ?1"
               : "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1";
}

static satchel_status create_tables_of_any(const satchel_tables *tables, satchel_db *db, satchel_error *error) {
    satchel_buffer sql;
    satchel_buffer_init(&sql);
    satchel_status status = put_dialect(tables_of_any, tables->dialect, &sql);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(&sql, 0);
    }
    status = status == SATCHEL_OK ? satchel_db_exec(db, (const char *)sql.data, error)
                                  : satchel_fail(error, status, "no memory for the text of the tables");
    satchel_buffer_deinit(&sql);
    return status;
}

satchel_status satchel_db_tables_create(const satchel_tables *tables, satchel_db *db, satchel_error *error) {
    int64_t there = 0;
    satchel_status status = SATCHEL_DB_NUMBER(db, error, &there, 0, exists_sql(tables->dialect),
                                              satchel_value_text(satchel_text_of("meta")));
    if (status != SATCHEL_OK) {
        return status;
    }
    if (there == 0) {
        status = create_all(tables, db, error);
    } else {
        status = satchel_db_model_check(tables, db, error);
        status = status == SATCHEL_OK ? check_format(tables, db, error) : status;
        status = status == SATCHEL_OK ? satchel_db_model_bring_up(tables, db, error) : status;
    }
    status = status == SATCHEL_OK ? create_tables_of_any(tables, db, error) : status;
    return status == SATCHEL_OK && tables->dialect == SATCHEL_DIALECT_POSTGRES
               ? satchel_postgres_functions_add(db, error)
               : status;
}
