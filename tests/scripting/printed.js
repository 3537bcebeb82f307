// Printed by Node and by the runner, and compared (test_printing.py): T are values, F the arguments of
// one console.log each.
const T = [
"1","-0","1.5e300","10n","true","null","undefined","'a'","['a','b\"','c\\'','d\\'\"','e\\'\"`']","Symbol('s')","[Symbol('s'),-0,0,NaN,Infinity]",
"{}","[]","[[]]","[{}]","{a:1}","{a:{b:{c:{d:1}}}}","{a:{b:{c:{}}}}","{a:{b:{c:[]}}}","{a:{b:{c:[1]}}}","[[[[1]]]]","{a:{b:{c:new Map([[1,2]])}}}","{a:{b:{c:()=>1}}}",
"{'a-b':1,'1':2,a1:3,'':4,'한글':5}","{a:undefined,b:null,c:true}","{a:'x\\ny'}","['\\x00\\x1b\\x7f\\u200b','\\ud800','한글']",
"{code:0,log:'S: 220 smtp.example.com ESMTP\\r\\nC: EHLO x\\r\\nS: 250 ok',error:''}",
"{log:'S: 220 smtp.example.com ESMTP ready and waiting for you\\nC: EHLO client.example\\nS: 250-smtp.example.com Hello client\\n'}",
"{host:'smtp.office365.com',port:587,ssl:false,starttls:true,user:'user@yourdomain.com',pass:'CHANGE_ME'}",
"{from:{email:'user@yourdomain.com',name:'시스템 메일러'},to:{email:'recipient@example.com',name:'수신자'}}",
"{a:'xxxxxxxxxxxxxxxxxxxxxxxxxxxx',b:'yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy',c:'zz'}",
"{a:'xxxxxxxxxxxxxxxxxxxxxxxxxxxx',b:'yyyyyyyyyyyyyyyyyyyyyyyyyyyy',c:'z'}",
"{a:'xxxxxxxxxxxxxxxxxxxxxxxxxxxx',b:'yyyyyyyyyyyyyyyyyyyyyyyyyyyyy',c:'z'}",
"{a:{b:{c:1}},d:1}","{a:{b:1}}","{a:1,b:{c:{d:2}}}","[{a:1,b:2},{a:3,b:4}]","[[1,2,[3,4,[5]]]]",
"[1,2,3,4,5,6]","[1,2,3,4,5,6,7]","Array.from({length:30},(_, i)=>i*i)","Array.from({length:101},(_, i)=>i)","Array.from({length:150},(_, i)=>'item'+i)","Array.from({length:10},(_, i)=>'가나다라'.slice(0,i%4+1))","['apple','banana','cherry','date','elderberry','fig','grape','honeydew']","Array.from({length:26},(_, i)=>({i}))","Array.from({length:8},(_, i)=>'a long string of text number '+i)","[1.5,22.25,333,4,5,6,7,8]","[1n,22n,3n,4n,5n,6n,7n]","[true,false,true,false,true,false,true]","[1,'a',2,'b',3,'c',4,'d']","Array.from({length:7},()=>null)",
"[,1]","[1,,2,,,3]","new Array(5)","Object.assign([1,2],{x:1})","Object.assign([],{x:1,'-1':2})","[undefined,null]",
"new Map()","new Map([['a',1],['b',{c:1}]])","new Set([1,'a',[2]])","new Set()","{m:new Map([['k',new Set([1])]])}",
"new Date(0)","new Date(NaN)","{d:new Date(0)}","/a+b/gi","[/x/]","function(){}","()=>1","function foo(){}","class A{}","class B extends Array{}","async()=>{}","function*g(){}","[function foo(){},class A{}]","Object.assign(function f(){},{a:1})","Math.max",
"new (class Foo{constructor(){this.x=1}})","new (class Foo{})","new (class Foo extends Array{})(3)","new (class Foo extends Map{})","Object.create(null)","Object.assign(Object.create(null),{a:1})","{a:{b:{c:Object.create(null)}}}","{a:{b:{c:Object.assign(Object.create(null),{x:1})}}}","{a:{b:{c:new (class Foo{constructor(){this.x=1}})}}}","Object.create({a:1})",
"{get a(){return 1},set b(v){},get c(){return 1},set c(v){}}","{[Symbol('k')]:1}","{__proto__:{a:1},b:2}","JSON.parse('{\"__proto__\":1}')","{[Symbol.toStringTag]:'T'}","Object.assign([1],{[Symbol('k')]:2})","{a:[,]}","[new Date(0),/x/g]","[[],[[[{}]]]]","new (class extends Error{name='Odd'})('m')","new Uint8Array(3)","new Float64Array([1.5,-0])","new Uint8Array(0)","new WeakMap()","new WeakSet()",
"new Number(3)","new String('abc')","new Boolean(false)","[new Number(-0)]","Object(Symbol('q'))","Object(1n)","(function(){return arguments})(1,2)",
"(()=>{let o={a:1};o.self=o;return o})()","(()=>{let o={a:{b:{}}};o.a.b.c=o.a;o.a.b.d=o;return o})()","(()=>{let a=[1];a.push(a);return a})()","(()=>{let m=new Map();m.set('m',m);return m})()",
"new Error('boom')","new TypeError('bad\\nline two')","new RangeError()","Object.assign(new Error('x'),{code:'E',n:1})","{e:new Error('in')}","[new Error('in')]","new Error('x',{cause:new Error('y')})","new Error('x',{cause:'why'})","new (class MyError extends Error{})('m')","new (class E2 extends TypeError{constructor(m){super(m);this.name='E2'}})('m')","new (class E3 extends Error{})('m')","new AggregateError([new Error('a')],'m')","Object.assign(new Error('m'),{name:'N'})","{a:{b:{c:{e:new Error('deep')}}}}",
"'x'.repeat(100)","['x'.repeat(100)]","['x'.repeat(10001)]","{a:'x\\n'.repeat(50)}","[['a\\nb']]","{a:[{b:[{c:1}]}]}","{users:[{id:1,name:'kim',tags:['a','b']},{id:2,name:'lee',tags:[]}],total:2}","[[],[[]],{}]","{a:-0}","globalThis.JSON","Math","[undefined]","{f(){},g:class{}}",
"Object.freeze({a:1})","[[1,2,3],[4,5,6],[7,8,9]]","{matrix:[[1,2,3],[4,5,6]],o:{p:{q:{r:1}}}}","Array.from({length:120},(_, i)=>[i])","{a:Array.from({length:40},(_, i)=>i)}","{a:{b:Array.from({length:20},(_, i)=>'w'+i)}}",
"new Proxy({a:1},{})","'\\x07'","['\\x07\\b\\v']","[\"it's\"]","{\"it's\":1}","[1e21,1e-7,0.1+0.2]"
];
const F = [
"'a','b',1","'%s','x'","'%s %s','x'","'%s',1,2","'%d','42'","'%d','x'","'%i',42.9","'%f','1.5'","'%j',{a:[1]}","'%o',{a:1}","'%o',[1,{b:2}]","'%O',{a:{b:{c:{d:1}}}}","'%s',{a:{b:1}}","'%s',[1,[2,[3]]]","'%s',null","'%s',undefined","'%s',-0","'%d',-0","'%s',10n","'%d',10n","'%i',10n","'%s',Symbol('a')","'%d',Symbol('a')","'%%'","'%% %s','a'","'100%','a'","'%x','a'","'%c styled','css'","'%s',()=>1","'%s',class A{}","'%s',new Error('q').message","'%s',{toString(){return 'mine'}}","'%s',new (class K{toString(){return 'k'}})","'%s',new Date(0)","'%j',(()=>{let o={};o.o=o;return o})()","'%j',undefined","'%s','%s','a'","{a:1},'x',['y']","","''","'a\\nb'","1,'%s','a'","'%d',{}","'%i','0x10'","'%f','abc'","'%s%s',1","null,undefined,true","'a%'","'%','b'","'%o',()=>1","'%s',new Map([[1,2]])"
];
for (let i=0;i<T.length;i++) { let v; try { v = eval('('+T[i]+')') } catch(e) { continue } console.log('#'+T[i]); console.log(v) }
for (let i=0;i<F.length;i++) { console.log('#f '+F[i]); try { eval('console.log('+F[i]+')') } catch(e) {console.log('ERR')} }
