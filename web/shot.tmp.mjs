import { chromium } from "@playwright/test"; import fs from "node:fs";
const yaml = fs.readFileSync("../tests/fixtures/myapp-deploy.yaml","utf8").replace("replicas: 3","replicas: 1000");
const b = await chromium.launch({executablePath:"/usr/bin/chromium",args:["--no-sandbox"]});
for (const [w,h,theme,lang] of [[1440,900,"light","en"],[360,740,"dark","ko"]]) {
const p = await b.newPage({viewport:{width:w,height:h}});
await p.goto(`http://127.0.0.1:8124/?lang=${lang}&theme=${theme}&seed=7&speed=1&nodes=100#y=${encodeURIComponent(yaml)}`);
await p.waitForTimeout(3500); await p.screenshot({path:`/tmp/shot-${w}-a.png`}); await p.waitForTimeout(15000); await p.screenshot({path:`/tmp/shot-${w}-b.png`}); await p.close(); }
await b.close();
