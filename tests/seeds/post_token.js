// 1. 配置参数(令牌启用,需传有效token)
const appid = "your_app_id";
const signature = "signature_from_backend";
const mail = "recipient@example.com"; // 收件人邮箱
const title = "测试邮件标题";
const content = "<h1>这是测试邮件的HTML内容</h1>";
const token = "valid_user_token"; // 登录获取的有效令牌
// 2. 构造POST参数
const params = new URLSearchParams({
appid,
signature,
mail,
title,
content,
token
});
// 3. 发起POST请求
fetch("https://nobase.cn/api/mail/send", {
method: "POST",
body: params,
headers: { "Content-Type": "application/x-www-form-urlencoded" }
})
.then(res => res.json())
.then(res => {
res.code === 200
? console.log("邮件发送结果:", res.data)
: console.error("邮件发送失败:", res.data);
})
.catch(err => console.error("请求异常:", err));
