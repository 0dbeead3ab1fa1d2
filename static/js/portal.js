import { startAnnouncing } from "./announce.js";
import { startChoosing } from "./choose.js";
import { startConfirming } from "./confirm.js";
import { startCopying } from "./copy.js";
import { startLiveFragments } from "./live.js";
import { startMenus } from "./menu.js";
import { startPasskeys } from "./passkeys.js";
import { startRelativeTimes } from "./reltime.js";
import { startReveals } from "./reveal.js";

startAnnouncing();
startChoosing();
startConfirming();
startCopying();
startLiveFragments();
startMenus();
startPasskeys();
startRelativeTimes();
startReveals();
