// 1. 配置参数(令牌未启用,需传user和pass)
const appid = "your_app_id";
const signature = "signature_from_backend";
const mail = "recipient@example.com";
const title = "测试邮件标题";
const content = "这是测试邮件的纯文本内容";
const user = "13800138000"; // 纯数字账号
const pass = "UserPass123"; // 字母+数字密码
// 2. 拼接GET参数
const params = new URLSearchParams({ appid, signature, mail, title, content, user, pass });
const requestUrl = `https://nobase.cn/api/mail/send?${params.toString()}`;
// 3. 发起GET请求
fetch(requestUrl)
.then(res => res.json())
.then(res => {
res.code === 200
? console.log("邮件发送结果:", res.data)
: console.error("邮件发送失败:", res.data);
})
.catch(err => console.error("请求异常:", err));
