"""Chinese for the login page."""

ZH = {
    "Log in": "登录",
    "Name": "姓名",
    "Password": "密码",
    "Name and password do not fit together.": "姓名与密码不匹配。",
}
