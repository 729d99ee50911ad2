"use strict";
(function () {
  var rules = Array.prototype.slice.call(document.querySelectorAll("details.rule"));
  var box = document.getElementById("q"), source = document.getElementById("source"), found = document.getElementById("found");
  if (!box) return;
  document.querySelectorAll(".js").forEach(function (e) { e.hidden = false; });
  var classes = Array.prototype.slice.call(document.querySelectorAll("input.class"));
  var cause = "", texts = null, timer = 0;
  function has(list, one) { return (" " + list + " ").indexOf(" " + one + " ") >= 0; }
  function apply() {
    var words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length && !texts) texts = rules.map(function (r) { return r.textContent.toLowerCase(); });
    var on = {}, n = 0;
    classes.forEach(function (c) { on[c.value] = c.checked; });
    rules.forEach(function (r, i) {
      var show = on[r.dataset.class] !== false && (!source.value || has(r.dataset.sources, source.value)) && (!cause || has(r.dataset.causes, cause)) &&
        words.every(function (w) { return texts[i].indexOf(w) >= 0; });
      r.hidden = !show;
      if (show) n++;
    });
    found.textContent = n + " of " + rules.length + " rules" + (cause ? " with the chosen cause" : "");
  }
  function soon() { clearTimeout(timer); timer = setTimeout(apply, 150); }
  box.addEventListener("input", soon);
  source.addEventListener("change", apply);
  classes.forEach(function (c) { c.addEventListener("change", apply); });
  document.getElementById("reset").addEventListener("click", function () {
    cause = box.value = source.value = "";
    classes.forEach(function (c) { c.checked = true; });
    apply();
  });
  document.querySelectorAll(".show-cause").forEach(function (b) {
    b.addEventListener("click", function () {
      cause = b.dataset.cause;
      apply();
      document.getElementById("rules").scrollIntoView();
    });
  });
  apply();
})();
