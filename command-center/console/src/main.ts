import "@fontsource-variable/inter/index.css";
import "./app.css";

import { mount } from "svelte";

import App from "./App.svelte";

const target = document.getElementById("console");
if (!target) throw new Error("index.html has no #console");
mount(App, { target });
