/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Status codes: the one table of everything that can go wrong or be refused.
 *
 * The numbers are sent (results of operations) and stored (op log), so a number is never reused or changed.
 * "Need more" and "conflict" are results of their calls, not errors, and have no code here.
 */
#ifndef SATCHEL_STATUS_H
#define SATCHEL_STATUS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a caller can do about a status. */
typedef enum satchel_status_class {
    SATCHEL_CLASS_OK = 0,      /* nothing to do */
    SATCHEL_CLASS_USER = 1,    /* the input or the moment is wrong: tell the user, let him change it */
    SATCHEL_CLASS_RETRY = 2,   /* the same call may succeed later, nothing was lost */
    SATCHEL_CLASS_ACCESS = 3,  /* not allowed, or no longer */
    SATCHEL_CLASS_KEY = 4,     /* the store's key is wrong, absent or gone */
    SATCHEL_CLASS_DAMAGE = 5,  /* bytes are not what was written: recover */
    SATCHEL_CLASS_UPGRADE = 6, /* one side is too old for the other */
    SATCHEL_CLASS_FATAL = 7    /* the handle is of no further use: close and reopen */
} satchel_status_class;

/* X(NAME, number, class, English text, Chinese text) */
#define SATCHEL_STATUS_TABLE(X)                                                                                        \
    X(OK, 0, OK, "done", "完成")                                                                                       \
    /* input */                                                                                                        \
    X(INVALID_ARGUMENT, 1, USER, "an argument is not valid", "参数无效")                                               \
    X(MISUSE, 2, USER, "the call does not fit the state of the handle", "调用与当前状态不符")                          \
    X(LIMIT_EXCEEDED, 3, USER, "a named limit is exceeded", "超出限制")                                                \
    X(OUT_OF_RANGE, 4, USER, "the value is outside its range", "数值超出范围")                                         \
    X(MALFORMED, 5, USER, "the bytes do not have the expected form", "数据格式错误")                                   \
    X(BAD_TEXT, 6, USER, "the text is not valid UTF-8", "文本不是有效的 UTF-8")                                        \
    X(REQUIRED_MISSING, 7, USER, "a required field is missing", "缺少必填字段")                                        \
    X(PATTERN_MISMATCH, 8, USER, "the text does not have the required pattern", "文本不符合要求的格式")                \
    X(UNKNOWN_ENTITY, 9, USER, "there is no such entity", "没有这种实体")                                              \
    X(UNKNOWN_FIELD, 10, USER, "there is no such field", "没有这个字段")                                               \
    X(WRONG_TYPE, 11, USER, "the value does not have the type of the field", "值的类型不符")                           \
    X(NOT_FOUND, 12, USER, "there is no such row", "没有找到")                                                         \
    X(ALREADY_EXISTS, 13, USER, "the row exists already", "已经存在")                                                  \
    X(READ_ONLY_FIELD, 14, USER, "the field cannot be written here", "字段不可写")                                     \
    X(ILLEGAL_STATE, 15, USER, "the state cannot be reached from the current one", "不允许的状态变化")                 \
    X(IMMUTABLE, 16, USER, "the row is a recorded fact and cannot be changed", "已记录的事实不可更改")                 \
    X(REFERENCE_MISSING, 17, USER, "the row that is referred to does not exist", "引用的对象不存在")                   \
    X(OUT_OF_SCOPE, 18, ACCESS, "the row is not within reach of the user", "不在您的权限范围内")                       \
    X(FORBIDDEN, 19, ACCESS, "the user's roles do not allow this", "您的角色不允许此操作")                             \
    X(REQUIRED_BEFORE, 20, USER, "something else must be done first", "需要先完成其他步骤")                            \
    X(TOO_LONG, 21, USER, "the value is longer than its limit", "内容过长")                                            \
    X(UNSUPPORTED, 22, USER, "this is not supported here", "此处不支持")                                               \
    X(CANCELLED, 23, USER, "the call was cancelled", "已取消")                                                         \
    X(HELD_BY_UNIT, 24, USER, "it waits for an earlier change that was not accepted", "等待之前未被接受的更改")        \
    X(MOVED_AWAY, 25, ACCESS, "the row moved to someone else before the edit arrived", "该记录已转给他人")             \
    X(LATE_FOR_PARENT, 26, USER, "the parent row no longer accepts changes", "所属单据已不再接受更改")                 \
    X(QUARANTINED, 27, RETRY, "the server put the change aside for an operator", "服务器已暂存该更改待处理")           \
    X(OVERTAKEN, 28, USER, "another valid decision came first", "已有其他有效决定")                                    \
    X(AMBIGUOUS, 29, USER, "more than one row fits", "符合条件的不止一个")                                             \
    X(POOL_CLAIMS, 30, USER, "today's number of claims is used up", "今日领取次数已用完")                              \
    X(POOL_HOLDINGS, 31, USER, "you hold as many customers as you may", "您持有的客户数已达上限")                      \
    X(POOL_PROTECTED, 32, USER, "it was yours until a short time ago: others may claim it first",                      \
      "该客户刚从您名下收回，保护期内请由他人领取")                                                                    \
    X(APPROVAL_PENDING, 33, USER, "it waits for an approval", "等待审批")                                              \
    X(TOTALS_DIFFER, 34, USER, "the order is not what it was when this was asked for", "订单内容与提交时所见不一致")   \
    /* resources */                                                                                                    \
    X(NO_MEMORY, 40, RETRY, "memory is exhausted", "内存不足")                                                         \
    X(IO_ERROR, 41, RETRY, "reading or writing a file failed", "文件读写失败")                                         \
    X(DISK_FULL, 42, RETRY, "the disk is full", "磁盘已满")                                                            \
    X(RANDOM_FAILED, 43, FATAL, "the random source failed", "随机源失败")                                              \
    X(IN_USE, 44, RETRY, "the store is open elsewhere", "存储正在被使用")                                              \
    X(READ_ONLY_STORE, 45, RETRY, "the store is read-only for now", "存储目前只读")                                    \
    X(INTERNAL, 46, FATAL, "an internal invariant does not hold", "内部错误")                                          \
    X(BUSY, 47, RETRY, "the other side is busy", "繁忙，请稍后再试")                                                   \
    X(DATABASE_ERROR, 48, FATAL, "the database reports an error", "数据库错误")                                        \
    X(UNSUPPORTED_IO, 49, FATAL, "SQLite asks for an access that the vault does not know", "不支持的存取方式")         \
    X(UNSUPPORTED_SQLITE, 50, FATAL, "this SQLite lacks what the store needs", "SQLite 版本不支持")                    \
    /* keys and the sealed store */                                                                                    \
    X(WRONG_PIN, 60, KEY, "the PIN is wrong", "PIN 码错误")                                                            \
    X(PIN_DELAYED, 61, RETRY, "too many wrong PINs: wait", "PIN 错误次数过多，请等待")                                 \
    X(KEY_UNAVAILABLE, 62, RETRY, "the key is not available while the phone is locked", "手机锁定时密钥不可用")        \
    X(KEY_GONE, 63, KEY, "the key no longer exists: recover with the company's key", "密钥已不存在，需要恢复")         \
    X(NEWER_FORMAT, 64, UPGRADE, "the store was written by a newer version", "存储由更新的版本写入")                   \
    X(FOREIGN_FILE, 65, DAMAGE, "the file is not part of this store", "文件不属于此存储")                              \
    X(DAMAGED, 66, DAMAGE, "the file is damaged or was tampered with", "文件损坏或被篡改")                             \
    X(LOCKED, 67, KEY, "the store is locked", "存储已锁定")                                                            \
    X(ROLLED_BACK, 68, DAMAGE, "the store is older than its anchor", "存储早于其锚点")                                 \
    /* sync */                                                                                                         \
    X(NETWORK_ERROR, 80, RETRY, "the server cannot be reached", "无法连接服务器")                                      \
    X(TIMED_OUT, 81, RETRY, "the server did not answer in time", "服务器未及时响应")                                   \
    X(SERVER_ERROR, 82, RETRY, "the server failed", "服务器错误")                                                      \
    X(UNAUTHENTICATED, 83, ACCESS, "the signature, code or device is not accepted", "签名、代码或设备未被接受")        \
    X(REVOKED, 84, ACCESS, "the device was revoked", "设备已被吊销")                                                   \
    X(UPGRADE_REQUIRED, 85, UPGRADE, "the app is too old to receive changes", "应用版本过旧，请升级")                  \
    X(FORKED, 86, DAMAGE, "two copies of this phone's store exist", "存在此手机存储的两份副本")                        \
    X(PROTOCOL_ERROR, 87, RETRY, "the other side broke the protocol", "协议错误")                                      \
    X(CODE_EXPIRED, 88, ACCESS, "the enrolment code is unknown, used or expired", "注册码无效或已过期")                \
    X(STALE_CURSOR, 89, RETRY, "the position is unknown to the server", "同步位置未知")                                \
    X(REPLAYED, 90, RETRY, "the request number was used before", "请求编号已使用")                                     \
    X(LEASE_OVER, 91, ACCESS, "the phone was away from the server for too long: sync to go on",                        \
      "手机离线时间过长，请先同步")                                                                                    \
    X(WIPED, 92, ACCESS, "the company had this phone's store wiped", "公司已下令清除本机数据")                         \
    X(RETIRED, 93, ACCESS, "the phone is being retired: a supervisor has its changes", "手机正在退役，更改已交给主管")

typedef enum satchel_status {
#define SATCHEL_STATUS_ENUM(name, number, class_, en, zh) SATCHEL_##name = (number),
    SATCHEL_STATUS_TABLE(SATCHEL_STATUS_ENUM)
#undef SATCHEL_STATUS_ENUM
} satchel_status;

#if defined(__GNUC__) || defined(__clang__)
#define SATCHEL_MUST_USE __attribute__((warn_unused_result))
#else
#define SATCHEL_MUST_USE
#endif

/* Longest detail text of an error, with its terminating zero. */
#define SATCHEL_ERROR_DETAIL_BYTES 256

/*
 * Detail of a failure, owned by the caller; the last parameter of a fallible function, may be NULL.
 * `detail` is English, for logs and developers; it holds names, numbers and ids, never customer data, keys or PINs.
 */
typedef struct satchel_error {
    satchel_status status;
    uint32_t entity; /* number of the entity that it concerns, 0 if none */
    uint32_t field;  /* number of the field, 0 if none */
    char detail[SATCHEL_ERROR_DETAIL_BYTES];
} satchel_error;

/* The symbolic name ("WRONG_PIN"), "UNKNOWN" for a number that this version does not know. Static. */
const char *satchel_status_name(satchel_status status);

/* A plain sentence for a user in `language` ("zh…" gives Chinese, everything else English). Static. */
const char *satchel_status_text(satchel_status status, const char *language);

/* The class; a number that this version does not know is SATCHEL_CLASS_FATAL. */
satchel_status_class satchel_status_class_of(satchel_status status);

#ifdef __cplusplus
}
#endif
#endif
