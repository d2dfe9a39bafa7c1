"""Chinese for the texts of the releases' pages."""

ZH = {
    "Releases": "发布",
    "Release": "发布",
    "Line": "产品线",
    "Counter": "计数",
    "Published": "发布时间",
    "by {name}": "由 {name}",
    "Files, signed by the offline keys": "文件（由离线密钥签名）",
    "Kind": "类型",
    "Path": "路径",
    "Size": "大小",
    "No release has been published yet": "还没有发布任何版本",
    "Build and sign one where the keys are, then publish it: it appears here.": (
        "在保存密钥的地方构建并签名，然后发布：它会出现在这里。"
    ),
    "Needs the model with weights": "需要的模型权重",
    "Weights afterwards": "更新后的权重",
    "Roll out this release": "推送此版本",
    "Only for hardware": "仅限硬件",
    "Needs to be kept before": "须先保留",
    "{line}, counter {counter}": "{line}，计数 {counter}",
    "Step": "必经步骤",
    "every frame must keep it before a later release of its line": "每台相框必须先保留它，才能安装该产品线之后的发布",
    "any model": "任意模型",
}
