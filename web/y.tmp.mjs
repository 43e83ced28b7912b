import { chromium } from "@playwright/test";
import fs from "node:fs";
const [nodes, replicas, speed] = process.argv.slice(2).map(Number);
const yaml = fs.readFileSync("../tests/fixtures/myapp-deploy.yaml","utf8").replace("replicas: 3","replicas: "+replicas);
const b = await chromium.launch({executablePath: "/usr/bin/chromium", args:["--no-sandbox"]});
const p = await b.newPage({viewport:{width:1440,height:900}});
await p.goto(`http://127.0.0.1:8124/?lang=en&seed=7&speed=${speed}&nodes=${nodes}`);
await p.waitForSelector('[data-node]'); await p.waitForTimeout(1500);
await p.locator('[data-testid="editor"] .cm-content').click(); await p.keyboard.press("ControlOrMeta+a");
await p.locator('[data-testid="editor"] .cm-content').evaluate((el,t)=>{const d=new DataTransfer(); d.setData("text/plain",t); el.dispatchEvent(new ClipboardEvent("paste",{clipboardData:d,bubbles:true,cancelable:true}))}, yaml);
await p.waitForTimeout(800);
await b.startTracing(p,{categories:["toplevel"]});
await p.locator('[data-testid="apply"]').click();
try { await p.waitForFunction((n)=>(document.querySelector('.counts').textContent.replace(/,/g,'')).includes(n+"/"+n), replicas, {timeout:60000, polling:1000}); } catch(e) { console.log("timeout") }
const buf = await b.stopTracing(); const ev = JSON.parse(buf.toString()).traceEvents;
const main = ev.find(e=>e.name==="thread_name"&&e.args.name==="CrRendererMain"); 
const X = ev.filter(e=>e.ph==="X"&&e.tid===main.tid&&e.pid===main.pid);
const sum=new Map(); for(const e of X){ const s=sum.get(e.name)??[0,0,0]; s[0]+=e.dur/1000; s[1]++; s[2]=Math.max(s[2],e.dur/1000); sum.set(e.name,s)}
for(const [n,[d,c,m]] of [...sum].sort((a,b)=>b[1][0]-a[1][0]).slice(0,26)) console.log(d.toFixed(0).padStart(7),String(c).padStart(6),"max",m.toFixed(0),n);
const tasks=X.filter(e=>/RunTask|ThreadControllerImpl::RunTask/.test(e.name)&&(e.tdur??0)>40000).sort((a,b)=>b.dur-a.dur).slice(0,4);
for(const t of tasks){ console.log("task",(t.dur/1000).toFixed(0),"cpu",((t.tdur??0)/1000).toFixed(0)); const inner=X.filter(e=>e.ts>=t.ts&&e.ts+e.dur<=t.ts+t.dur&&e.dur>3000&&e!==t).sort((a,b)=>a.ts-b.ts).slice(0,16); for(const e of inner) console.log("    ",((e.ts-t.ts)/1000).toFixed(1),(e.dur/1000).toFixed(1),e.name, e.args?.elementCount??e.args?.beginData?.dirtyObjects??"", e.args?.data?.functionName??"")}
const T=X.filter(e=>/RunTask/.test(e.name));console.log("tasks cpu>50:",T.filter(e=>(e.tdur??0)>50000).length,"wall>50:",T.filter(e=>e.dur>50000).length,"max cpu",Math.max(...T.map(e=>e.tdur??0))/1000);
await b.close();
