"""Chinese for the pages of telemetry."""

ZH = {
    "Nothing has been played yet": "还没有播放记录",
    "When a frame plays a video, it says here how much of it was shown.": "相框播放视频后，会在这里报告播放了多少。",
    "of these were watched to the end: {completed} of {playbacks}.": "完整播放：{playbacks} 次中 {completed} 次。",
    "Shown": "显示帧数",
    "Watched": "播放时长",
    "fps": "帧率",
    "No playback fits this filter.": "没有符合条件的播放。",
    "Telemetry": "遥测",
    "Nothing has arrived from this frame yet.": "还没有收到这台相框的数据。",
    "Kind": "类型",
    "Boot": "启动",
    "What it said": "内容",
    "render": "渲染",
    "playback": "播放",
    "health": "健康",
    "fault": "故障",
    "update": "更新",
    "unreadable": "无法读取",
}
