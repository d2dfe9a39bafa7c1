"""Chinese for the pages about complaints."""

ZH = {
    "lips do not match": "口型不符",
    "other": "其他",
    "open": "未结",
    "filed": "已提交",
    "confirmed": "已确认",
    "rejected": "已驳回",
    "fix-offered": "修复已推送",
    "fixed": "已修复",
    "What is wrong": "问题",
    "Fix": "修复版本",
    "Fixed": "修复时间",
    "No complaints here": "这里没有投诉",
    "When an owner says on a frame that lips do not match, it appears here, with the clip if the owner agreed.": (
        "用户在相框上反馈口型不符后，投诉会出现在这里；若用户同意，还附有视频。"
    ),
    "The clip": "视频",
    "Your role may not watch clips.": "您的角色无权观看视频。",
    "The owner did not agree to send clip and voice.": "用户未同意上传视频和语音。",
    "The clip has not arrived yet, or it was erased.": "视频尚未到达，或已被删除。",
    "The frame sent no clip.": "相框没有上传视频。",
    "The voice alone": "单独的语音",
    "Figures": "数据",
    "Said on the frame": "相框上的时间",
    "clip": "视频",
    "voice": "语音",
    "Verdict": "判定",
    "In your words (needed to reject)": "说明（驳回时必填）",
    "Confirm: lips do not match": "确认：口型不符",
    "Reject": "驳回",
    "Confirmed complaints go to the laboratory, which makes a fix for this model.": (
        "确认后交由实验室为该模型制作修复。"
    ),
    "What this frame played last": "这台相框最近的播放",
    "This frame has reported no playback.": "这台相框没有上报播放。",
    "Erase clip and voice": "删除视频和语音",
}
