"""Chinese for the texts of the rollouts' pages; state names stay what they are in reports and documentation."""

ZH = {
    "Rollouts": "推送",
    "Rollout": "推送",
    "New rollout": "新建推送",
    "No rollout has been made yet.": "还没有推送。",
    "State": "状态",
    "For": "对象",
    "Made by {name}": "由 {name} 创建",
    "Reason": "原因",
    "Stop now": "立即停止",
    "start": "开始",
    "resume": "继续",
    "finish": "结束",
    "withdraw": "撤回",
    "Frame": "相框",
    "Weights": "权重",
    "Changed": "变更时间",
    "More": "更多",
    "No frame is in this state.": "没有处于此状态的相框。",
    "Named frames, one a line": "指定相框，每行一个",
    "and this share of all frames, in percent": "以及全部相框的百分比",
    "start at once": "立即开始",
    "Make rollout": "创建推送",
    "Only kept counts as success: the new version passed its self-test and said so itself.": (
        "只有 kept 算成功：新版本通过自检并由其自身报告。"
    ),
}
