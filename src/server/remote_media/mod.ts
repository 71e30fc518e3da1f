/** Fetches the images of requests that are at URLs, from hosts that the operator allows. */

export { createImageFetcher, type ImageFetcherOptions } from "./image_fetcher.ts";
