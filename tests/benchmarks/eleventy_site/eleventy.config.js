// The same site for Eleventy: the same texts, addresses and lists, without a theme.
import rss from "@11ty/eleventy-plugin-rss";
import footnotes from "markdown-it-footnote";

const MONTHS = [
  "January", "February", "March", "April", "May", "June", "July", "August", "September",
  "October", "November", "December",
];
const LIMIT = 30;

const byDate = (one, other) => one.date - other.date;
const slugOf = (tag) => tag.replaceAll(" ", "-");

function group(posts, keysOf) {
  const groups = new Map();
  for (const post of posts) {
    for (const key of keysOf(post)) {
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(post);
    }
  }
  return [...groups].sort(([one], [other]) => (one < other ? -1 : 1));
}

const postsOf = (api) => api.getFilteredByGlob("content/series-*/*.md").sort(byDate);
const seriesOf = (api) =>
  group(postsOf(api), (post) => [post.data.series]).map(([slug, posts]) => ({
    slug, posts, title: posts[0].data.seriesTitle, url: `/${slug}/`,
  }));
const tagsOf = (api) =>
  group(postsOf(api), (post) => post.data.tags).map(([tag, posts]) => ({
    title: tag, posts: posts.toReversed(), url: `/tags/${slugOf(tag)}/`,
  }));

export default function (config) {
  config.addPlugin(rss);
  config.amendLibrary("md", (library) => library.use(footnotes));

  config.addCollection("posts", postsOf);
  config.addCollection("newest", (api) => postsOf(api).toReversed());
  config.addCollection("series", seriesOf);
  config.addCollection("tagged", tagsOf);
  config.addCollection("feeds", (api) =>
    [
      { title: "Benchmark Letters", url: "/", posts: postsOf(api) },
      ...seriesOf(api),
      ...tagsOf(api).map((one) => ({ ...one, posts: one.posts.toReversed() })),
    ].map((one) => ({ ...one, posts: one.posts.slice(-LIMIT).reverse() })),
  );

  config.addFilter("tagUrl", (tag) => `/tags/${slugOf(tag)}/`);
  config.addFilter("isoDay", (date) => date.toISOString().slice(0, 10));
  config.addFilter("day", (date) =>
    `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`);
  config.addFilter("month", (date) => `${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`);
  config.addFilter("volume", (series, slug) => series.find((one) => one.slug === slug));
  // The parts around one: the first, five before, five after, the last; null is a gap.
  config.addFilter("around", (parts, at) => {
    const total = parts.length;
    const first = at - 5 <= 3 ? 1 : at - 5;
    const last = at + 5 >= total - 2 ? total : at + 5;
    const before = first > 1 ? [parts[0], null] : [];
    const after = last < total ? [null, parts[total - 1]] : [];
    return [...before, ...parts.slice(first - 1, last), ...after];
  });
}

export const config = {
  dir: { input: "content", includes: "../_includes", output: "public" },
  markdownTemplateEngine: false,
};
