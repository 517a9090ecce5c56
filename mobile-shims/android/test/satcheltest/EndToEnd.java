// SPDX-License-Identifier: Apache-2.0
package satcheltest;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import satchel.AccessException;
import satchel.AuditFinding;
import satchel.ChangeKind;
import satchel.Command;
import satchel.CommandKind;
import satchel.CommandState;
import satchel.Commands;
import satchel.Compare;
import satchel.Device;
import satchel.DeviceConfig;
import satchel.Exchange;
import satchel.Fields;
import satchel.HttpTransport;
import satchel.Info;
import satchel.Model;
import satchel.Observer;
import satchel.Page;
import satchel.Query;
import satchel.Reason;
import satchel.ReasonKind;
import satchel.Receipt;
import satchel.RecordBuilder;
import satchel.RecordReader;
import satchel.Resolution;
import satchel.RetryException;
import satchel.Row;
import satchel.Status;
import satchel.Step;
import satchel.StepKind;
import satchel.Sync;
import satchel.Transport;
import satchel.UserException;
import satchel.Write;

/** A phone against a real server. The first argument names the scenario, then the store's folder and the link. */
public final class EndToEnd {
    private static final int WAIT_MS = 20000;
    private static final String SMILE = "笑 😀 𠮷野家 e\u0301 \ufffd";

    private final String folder;
    private final String link;
    private final Keys keys = new Keys();
    private final Transport transport = new HttpTransport();

    private EndToEnd(String folder, String link) {
        this.folder = folder;
        this.link = link;
    }

    public static void main(String[] arguments) throws Exception {
        Check.failLoudly();
        EndToEnd phone = new EndToEnd(arguments[1], arguments[2]);
        switch (arguments[0]) {
            case "day":
                phone.day();
                break;
            case "conflict":
                phone.conflict();
                break;
            case "refused":
                phone.refused();
                break;
            case "commands":
                phone.commands();
                break;
            case "parked":
                phone.parked();
                break;
            case "undecided":
                phone.undecided();
                break;
            default:
                throw new IllegalArgumentException(arguments[0]);
        }
        Check.say("PASSED");
    }

    private Device enrolled() {
        Device device = Device.create(new DeviceConfig(folder).keys(keys));
        Check.that(!device.info().enrolled, "a new store is not enrolled");
        Sync.enroll(device, link, "Java's phone 📱", "Java", transport);
        return device;
    }

    private Step sync(Device device) {
        return Sync.run(device, transport, 0, WAIT_MS, null);
    }

    private static byte[] record(Fields fields, int entity, int field, String text) {
        try (RecordBuilder builder = fields.builder(entity)) {
            return builder.set(field, text).encode();
        }
    }

    private static String text(Device device, Row row, int field) {
        try (Fields fields = device.fields(); RecordReader reader = fields.reader(Model.ENTITY_CUSTOMER, row.record)) {
            return reader.text(field);
        }
    }

    private static UUID addCustomer(Device device, String name) {
        try (Fields fields = device.fields(); Write write = device.begin()) {
            UUID id = write.create(Model.ENTITY_CUSTOMER,
                    record(fields, Model.ENTITY_CUSTOMER, Model.CUSTOMER_NAME, name));
            Receipt receipt = write.commit();
            Check.same(1, receipt.count);
            return id;
        }
    }

    private static void edit(Device device, UUID id, int field, String value) {
        try (Fields fields = device.fields(); Write write = device.begin()) {
            write.edit(Model.ENTITY_CUSTOMER, id, record(fields, Model.ENTITY_CUSTOMER, field, value));
            write.commit();
        }
    }

    /** Enrol, sync, read, search, work offline, be told, sync. */
    private void day() throws Exception {
        try (Device device = enrolled()) {
            AtomicInteger steps = new AtomicInteger();
            Step end = Sync.run(device, transport, 0, WAIT_MS, step -> steps.incrementAndGet());
            Check.that(steps.get() > 1 && !end.more, "progress is told");
            Check.that(end.progress.rowsReceived > 0 && end.progress.bytesReceived > 1000, "what came down is counted");
            Check.that(end.progress.bytesSent > 0 && end.progress.changesTotal == 0, "and what went up");
            Check.same(0L, device.progress().bytesSent);
            Info info = device.info();
            Check.that(info.enrolled && info.firstSyncDone && !info.locked && info.rows > 0, "the first sync is done");
            Check.that(info.epoch == 1 && info.position > 0, "how far the server is known");
            Check.same(0L, info.lossesOnServer + info.repairs + info.upgradeTotal + info.leaseDays);
            Check.that(!info.retiring && !info.appTooOld && !info.found(AuditFinding.SHORTER), "nothing is ordered");
            Check.same("wang.fang", info.login);
            Check.same("测试公司 Test Company", info.company);
            pages(device);
            search(device);
            offline(device);
            values(device);
        }
    }

    private void pages(Device device) {
        Set<UUID> seen = new HashSet<>();
        try (Query query = new Query(Model.ENTITY_CUSTOMER).sort(Model.CUSTOMER_NAME, true)) {
            long wanted = device.count(query);
            byte[] after = null;
            do {
                Page page = device.page(query, after, 3);
                Check.that(page.rows.size() <= 3, "a page keeps to its limit");
                for (Row row : page.rows) {
                    Check.that(seen.add(row.id), "a row comes once");
                    Check.that(row.baseN > 0 && !row.isPending(), "rows are the server's");
                }
                after = page.next;
            } while (after != null);
            Check.same(wanted, (long) seen.size());
            Check.that(wanted > 3, "there is more than a page");
            Check.refused(UserException.class, Status.INVALID_ARGUMENT, () -> device.page(query, null, 0));
            Check.refused(UserException.class, Status.MALFORMED, () -> device.page(query, new byte[] {1, 2}, 3));
        }
    }

    private void search(Device device) {
        try (Query query = new Query(Model.ENTITY_CUSTOMER).search("华宁")) {
            Page page = device.page(query, null, 100);
            Check.that(!page.rows.isEmpty(), "华宁 is found");
            for (Row row : page.rows) {
                Check.that(text(device, row, Model.CUSTOMER_NAME).contains("华宁"), "what is found has the word");
            }
        }
        try (Query query = new Query(Model.ENTITY_CUSTOMER)
                .where(Model.CUSTOMER_SHORT_NAME, Compare.EQUAL, "华宁").whereNull(Model.CUSTOMER_NAME, false)) {
            Row row = device.page(query, null, 1).rows.get(0);
            Check.same("华宁", text(device, row, Model.CUSTOMER_SHORT_NAME));
            Check.same(row.id, device.row(Model.ENTITY_CUSTOMER, row.id).id);
        }
    }

    private void offline(Device device) throws Exception {
        List<Integer> told = new ArrayList<>();
        List<Thread> threads = new ArrayList<>();
        UUID id;
        try (Observer observer = device.observe(Model.ENTITY_CUSTOMER, entity -> {
            told.add(entity);
            threads.add(Thread.currentThread());
            Check.that(device.info().unitsUnsent == 1, "the device may be called from a listener");
        })) {
            id = addCustomer(device, SMILE);
        }
        Check.same(Model.ENTITY_CUSTOMER, told.get(0));
        Check.same(1, told.size());
        Check.same(Thread.currentThread(), threads.get(0));
        edit(device, id, Model.CUSTOMER_NOTE, "not told any more");
        Check.same(1, told.size());
        Row row = device.row(Model.ENTITY_CUSTOMER, id);
        Check.that(row.isPending() && row.baseN == 0, "what is not sent is marked");
        Check.same(SMILE, text(device, row, Model.CUSTOMER_NAME));
        Check.same(ReasonKind.WAITING, device.why(Model.ENTITY_CUSTOMER, id).get(0).kind);
        Step end = sync(device);
        Check.same(2L, end.progress.changesDone);
        Check.same(2L, end.progress.changesTotal);
        Check.same(0L, device.info().unitsUnsent);
        Check.that(!device.row(Model.ENTITY_CUSTOMER, id).isPending(), "what is sent is not marked");
        Check.same(SMILE, Check.ask("name " + id));
    }

    /** Counters, clearing, deleting, undoing, values of all kinds. */
    private void values(Device device) {
        UUID id = addCustomer(device, "values");
        try (Fields fields = device.fields(); RecordBuilder builder = fields.builder(Model.ENTITY_CUSTOMER);
                Write write = device.begin()) {
            Check.same(Model.ENTITY_CUSTOMER, fields.entity("customers"));
            int kind = fields.field(Model.ENTITY_CUSTOMER, "kind");
            builder.parse(kind, "shop").set(Model.CUSTOMER_VISIT_EVERY_DAYS, 14).set(Model.CUSTOMER_NOTE, "gone");
            builder.add(Model.CUSTOMER_PHONES, "+86 1").add(Model.CUSTOMER_PHONES, "+86 2");
            write.edit(Model.ENTITY_CUSTOMER, id, builder.encode());
            write.edit(Model.ENTITY_CUSTOMER, id, new byte[0], Model.CUSTOMER_NOTE);
            write.add(Model.ENTITY_CUSTOMER, id, Model.CUSTOMER_LOYALTY_POINTS, 5);
            write.commit();
            try (RecordReader reader = fields.reader(Model.ENTITY_CUSTOMER,
                    device.row(Model.ENTITY_CUSTOMER, id).record)) {
                Check.same(null, reader.text(Model.CUSTOMER_NOTE));
                Check.same(14L, reader.integer(Model.CUSTOMER_VISIT_EVERY_DAYS));
                Check.same(5L, reader.integer(Model.CUSTOMER_LOYALTY_POINTS));
                Check.same(2, reader.get(Model.CUSTOMER_PHONES).elementCount);
                Check.same(5, reader.element(Model.CUSTOMER_PHONES, 1).length);
                Check.same("shop", reader.shown(kind, null, ""));
                Check.that(!"shop".equals(reader.shown(kind, "zh-CN", "CNY")), "people read labels");
                Check.that(reader.count() > 3 && reader.at(0).field == Model.CUSTOMER_NAME, "values come in order");
                Check.refused(UserException.class, Status.WRONG_TYPE, () -> reader.text(kind));
            }
        }
        deleting(device, id);
    }

    private void deleting(Device device, UUID customer) {
        UUID contact;
        try (Fields fields = device.fields(); RecordBuilder builder = fields.builder(Model.ENTITY_CONTACT);
                Write write = device.begin()) {
            Check.refused(AccessException.class, Status.FORBIDDEN,
                    () -> write.delete(Model.ENTITY_CUSTOMER, customer));
            builder.set(Model.CONTACT_NAME, "王先生").set(Model.CONTACT_CUSTOMER, customer);
            contact = write.create(Model.ENTITY_CONTACT, builder.encode());
            write.commit();
        }
        long sequence;
        try (Write write = device.begin()) {
            write.delete(Model.ENTITY_CONTACT, contact);
            sequence = write.commit().firstSequence;
        }
        Check.refused(UserException.class, Status.NOT_FOUND, () -> device.row(Model.ENTITY_CONTACT, contact));
        device.undo(sequence);
        Check.same(contact, device.row(Model.ENTITY_CONTACT, contact).id);
    }

    private UUID shop(Device device) {
        try (Query query = new Query(Model.ENTITY_CUSTOMER).search("华宁")) {
            return device.page(query, null, 1).rows.get(0).id;
        }
    }

    /** Another phone wins a field; both values can be had. */
    private void conflict() {
        try (Device device = enrolled()) {
            sync(device);
            UUID id = shop(device);
            edit(device, id, Model.CUSTOMER_STREET, "mine 1");
            Check.ask("edit " + id + " theirs 2");
            sync(device);
            List<Reason> reasons = device.why(Model.ENTITY_CUSTOMER, id);
            Reason conflict = reasons.stream().filter(reason -> reason.kind == ReasonKind.CONFLICT).findFirst().get();
            Check.same(Model.ENTITY_CUSTOMER, conflict.entity);
            Check.same(id, conflict.row);
            Check.that(conflict.conflict != null && conflict.otherUser != null, "id and other user are told");
            try (Fields fields = device.fields();
                    RecordReader base = fields.reader(Model.ENTITY_CUSTOMER, conflict.base);
                    RecordReader mine = fields.reader(Model.ENTITY_CUSTOMER, conflict.mine);
                    RecordReader theirs = fields.reader(Model.ENTITY_CUSTOMER, conflict.theirs)) {
                Check.that(base.text(Model.CUSTOMER_STREET).endsWith("号"), "what was there before");
                Check.same("mine 1", mine.text(Model.CUSTOMER_STREET));
                Check.same("theirs 2", theirs.text(Model.CUSTOMER_STREET));
            }
            Check.same(conflict.mineStands ? "mine 1" : "theirs 2",
                    text(device, device.row(Model.ENTITY_CUSTOMER, id), Model.CUSTOMER_STREET));
            Check.that(!device.reasons(ReasonKind.CONFLICT, 10).isEmpty(), "conflicts can be listed");
            device.commands().resolve(conflict.conflict, Resolution.KEEP, null);
            sync(device);
            Check.same(CommandState.ACCEPTED, device.commands().list(1).get(0).state);
            Check.refused(UserException.class, Status.INVALID_ARGUMENT, () -> device.reasons(ReasonKind.HELD, 0));
        }
    }

    /** What the server is asked to do; what cannot be asked is refused here. */
    private void commands() {
        UUID none = new UUID(0, 0);
        UUID stranger = UUID.randomUUID();
        try (Device device = enrolled()) {
            sync(device);
            Commands commands = device.commands();
            UUID id = shop(device);
            Receipt receipt = commands.release(id);
            Command command = commands.list(1).get(0);
            Check.same(receipt.firstSequence, command.sequence);
            Check.same(CommandKind.RELEASE, command.kind);
            Check.same(CommandState.WAITING, command.state);
            Check.same(id, command.row);
            sync(device);
            command = commands.list(10).get(0);
            Check.same(CommandState.ACCEPTED, command.state);
            Check.that(command.winner == null && command.status == Status.OK && command.atMs > 0, "it was carried out");
            commands.claim(id);
            sync(device);
            Check.same(CommandKind.CLAIM, commands.list(1).get(0).kind);
            Check.refused(UserException.class, Status.INVALID_ARGUMENT, () -> commands.transfer(id, none));
            Check.refused(UserException.class, Status.INVALID_ARGUMENT, () -> commands.merge(id, id));
            Check.refused(UserException.class, Status.NOT_FOUND, () -> commands.unmerge(stranger));
            Check.refused(UserException.class, Status.NOT_FOUND, () -> commands.decide(stranger, 1, "好"));
            Check.refused(UserException.class, Status.NOT_FOUND, () -> commands.requestOrder(stranger));
            Check.refused(UserException.class, Status.INVALID_ARGUMENT,
                    () -> commands.changePlan(Model.ENTITY_CUSTOMER, id, new byte[0]));
            Check.refused(UserException.class, Status.NOT_FOUND,
                    () -> commands.resolve(stranger, Resolution.KEEP, null));
            Check.refused(UserException.class, Status.INVALID_ARGUMENT, () -> commands.list(0));
        }
    }

    /** The stub of a parked edit says what it was, and who has it now. */
    private void parked() throws Exception {
        try (Device device = enrolled()) {
            sync(device);
            UUID id = shop(device);
            edit(device, id, Model.CUSTOMER_NOTE, "too late");
            Check.ask("move " + id);
            sync(device);
            Reason stub = device.reasons(ReasonKind.PARKED, 10).get(0);
            Check.same(ChangeKind.EDIT, stub.change);
            Check.same(1, stub.unitOps);
            Check.same(UUID.fromString(Check.ask("boss")), stub.keeper);
            Check.same(0, stub.mine.length);
        }
    }

    /** Refusals on the phone are exceptions that name entity and field; the write stays usable. */
    private void refused() {
        try (Device device = enrolled(); Fields fields = device.fields()) {
            sync(device);
            byte[] nameless = record(fields, Model.ENTITY_CUSTOMER, Model.CUSTOMER_NOTE, "no name");
            try (Write write = device.begin()) {
                UserException missing = Check.refused(UserException.class, Status.REQUIRED_MISSING,
                        () -> write.create(Model.ENTITY_CUSTOMER, nameless));
                Check.same(Model.ENTITY_CUSTOMER, missing.entity());
                Check.same(Model.CUSTOMER_NAME, missing.field());
                Check.same(7, missing.number());
                Check.that(!missing.getMessage().contains("no name"), "no data of customers in messages");
                Check.same("缺少必填字段", missing.status().text("zh-CN"));
                Check.same("a required field is missing", missing.status().text("fr"));
                Check.refused(UserException.class, Status.NOT_FOUND,
                        () -> write.edit(Model.ENTITY_CUSTOMER, UUID.randomUUID(), nameless));
                Check.refused(UserException.class, Status.UNKNOWN_ENTITY, () -> write.create(9999, nameless));
                write.create(Model.ENTITY_CUSTOMER,
                        record(fields, Model.ENTITY_CUSTOMER, Model.CUSTOMER_NAME, "named"));
                Check.same(1, write.commit().count);
            }
            texts(fields);
            Check.refused(UserException.class, Status.UNKNOWN_FIELD,
                    () -> fields.field(Model.ENTITY_CUSTOMER, "colour"));
            Check.refused(UserException.class, Status.UNKNOWN_ENTITY, () -> new Query(9999));
            Check.refused(UserException.class, Status.ALREADY_EXISTS,
                    () -> Sync.enroll(device, link, "again", "Java", transport));
            Check.same(Status.UNKNOWN, Status.of(12345));
            cancelled(device);
        }
    }

    private void cancelled(Device device) {
        try (Exchange exchange = device.exchange(0)) {
            Check.refused(UserException.class, Status.MISUSE, () -> device.exchange(0));
            Check.same(StepKind.SEND, exchange.next().kind);
            exchange.cancel();
            exchange.fail();
            Step step = exchange.next();
            Check.same(StepKind.DONE, step.kind);
            Check.same(Status.CANCELLED, step.status);
        }
        Thread.currentThread().interrupt();
        sync(device); // nothing was to wait for
        Check.that(Thread.interrupted(), "an interruption is kept");
    }

    /** What UTF-8 cannot say, and what the core does not store, is refused, not changed. */
    private void texts(Fields fields) {
        try (RecordBuilder builder = fields.builder(Model.ENTITY_CUSTOMER)) {
            Check.refused(UserException.class, Status.BAD_TEXT, () -> builder.set(Model.CUSTOMER_NAME, "\ud83d"));
            Check.refused(UserException.class, Status.BAD_TEXT, () -> builder.set(Model.CUSTOMER_NAME, "a\0b"));
            Check.refused(UserException.class, Status.WRONG_TYPE, () -> builder.set(Model.CUSTOMER_NAME, 1));
            builder.set(Model.CUSTOMER_NAME, SMILE);
            try (RecordReader reader = fields.reader(Model.ENTITY_CUSTOMER, builder.encode())) {
                Check.same(SMILE, reader.text(Model.CUSTOMER_NAME));
            }
        }
    }

    /** Without a server: typed, nothing lost, and the next sync carries on. */
    private void undecided() {
        try (Device device = enrolled()) {
            sync(device);
            UUID id = addCustomer(device, "made without a server");
            Check.ask("stop");
            RetryException away = Check.refused(RetryException.class, Status.NETWORK_ERROR,
                    () -> Sync.run(device, transport, 0, 0, null));
            Check.that(away.getCause() instanceof java.io.IOException, "the transport's failure is the cause");
            Check.same(1L, device.info().unitsUnsent);
            Check.ask("start");
            sync(device);
            Check.same(0L, device.info().unitsUnsent);
            Check.same("made without a server", Check.ask("name " + id));
        }
    }
}
