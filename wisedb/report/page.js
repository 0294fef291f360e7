"use strict";
// Shows the rows that fit a search, an author and a tag. Texts are compared and never made markup.
(function () {
  const form = document.getElementById("filter");
  const table = document.getElementById("facts-table");
  if (form && table) {
    const rows = Array.from(table.tBodies[0].rows);
    const texts = rows.map(function (row) { return row.textContent.toLocaleLowerCase(); });
    const values = function (row, name) { return JSON.parse(row.getAttribute("data-" + name)); };
    const fill = function (select, name) {
      const found = new Set();
      rows.forEach(function (row) { values(row, name).forEach(function (value) { found.add(value); }); });
      Array.from(found).sort().forEach(function (value) {
        const option = document.createElement("option");
        option.value = value;
        option.textContent = value;
        select.append(option);
      });
    };
    const search = form.elements.namedItem("search");
    const author = form.elements.namedItem("author");
    const tag = form.elements.namedItem("tag");
    const told = document.getElementById("shown");
    fill(author, "author");
    fill(tag, "tag");
    const apply = function () {
      const words = search.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
      let count = 0;
      rows.forEach(function (row, place) {
        const fits = words.every(function (word) { return texts[place].includes(word); })
          && (!author.selectedIndex || values(row, "author").includes(author.value))
          && (!tag.selectedIndex || values(row, "tag").includes(tag.value));
        row.hidden = !fits;
        count += fits ? 1 : 0;
      });
      told.textContent = count + " of " + rows.length + " facts shown";
    };
    form.addEventListener("input", apply);
    form.addEventListener("submit", function (event) { event.preventDefault(); });
    form.addEventListener("reset", function () { setTimeout(apply, 0); });
    form.hidden = false;
    apply();
  }
  addEventListener("beforeprint", function () {
    document.querySelectorAll("details").forEach(function (each) { each.open = true; });
  });
})();
