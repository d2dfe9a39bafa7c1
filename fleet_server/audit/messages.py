"""Chinese for the page of the audit log; the sentences themselves stay as they were written."""

ZH = {
    "Each entry carries the hash of the one before; those on this page follow from one another.": (
        "每条记录都带有前一条的哈希；本页记录前后相符。"
    ),
    "The chain breaks at entry {number}: it was changed, or entries before it are missing.": (
        "链条在第 {number} 条断开：它被改动过，或之前的记录缺失。"
    ),
    "No.": "编号",
    "When": "时间",
    "Who": "操作者",
    "What": "内容",
    "Nothing has happened yet.": "还没有任何操作。",
}
